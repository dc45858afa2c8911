// Leaf: the bottom piece of the index, a dense array of tagged slots in tag order.
//
// A slot is eight bytes: 48 bits of pointer and 16 bits of the key's position, those that follow the bits which led to
// the leaf. Being dense, a leaf is as full as its allocation; being sorted by evenly spread tags, a slot is found by
// interpolation, about sqrt(size) / 2 steps from the guess and so in one or two cache lines, and read in scan order.
//
// Thread rule: none of its own; guarded by the partition that owns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "storage/record.h"

namespace dht::storage {

/// Points to a record and does not own it; the leaf does.
class Slot {
 public:
  Slot(std::uint16_t tag, Record* record) noexcept;

  std::uint16_t tag() const noexcept { return static_cast<std::uint16_t>(bits_ >> kPointerBits); }
  Record* record() const noexcept { return reinterpret_cast<Record*>(bits_ & kPointerMask); }
  /// Puts another record of the same key here and gives the old one to the caller.
  Record::Owner exchange(Record::Owner record) noexcept;

 private:
  static constexpr unsigned kPointerBits = 48;
  static constexpr std::uint64_t kPointerMask = (std::uint64_t{1} << kPointerBits) - 1;

  std::uint64_t bits_;
};

class Leaf {
 public:
  struct Deleter {
    void operator()(Leaf* leaf) const noexcept;
  };
  /// Destroying a leaf destroys the records that it still holds.
  using Owner = std::unique_ptr<Leaf, Deleter>;

  /// The capacity to give a leaf of `size` slots: up to 8 slots of slack, since a leaf is small enough to be copied
  /// often; in proportion only where a leaf could not be split.
  static std::uint32_t capacity_for(std::uint32_t size) noexcept;

  /// Null where there is no memory. `capacity` > 0.
  static Owner make(std::uint32_t capacity) noexcept;
  /// The same slots in a leaf of another capacity, at least `leaf->size()`. Where there is no memory the result is
  /// null and `leaf` is untouched; otherwise `leaf` is left empty.
  static Owner resized(Leaf& leaf, std::uint32_t capacity) noexcept;

  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;

  std::uint32_t size() const noexcept { return size_; }
  std::uint32_t capacity() const noexcept { return capacity_; }
  bool full() const noexcept { return size_ == capacity_; }
  /// Of the leaf alone, without its records.
  std::size_t memory_bytes() const noexcept;
  std::span<Slot> slots() noexcept { return {reinterpret_cast<Slot*>(this + 1), size_}; }
  std::span<const Slot> slots() const noexcept { return {reinterpret_cast<const Slot*>(this + 1), size_}; }

  /// Where the search for a tag begins.
  const Slot* guess(std::uint16_t tag) const noexcept { return slots().data() + guessed_index(tag); }
  /// Index of the first slot whose tag is not less than `tag`, or `size()`.
  std::uint32_t lower_bound(std::uint16_t tag) const noexcept;
  /// Before `index`, which must be a place of the slot's tag. Must not be full.
  void insert(std::uint32_t index, Slot slot) noexcept;
  /// Cheap where slots come nearly in order. Must not be full.
  void append(Slot slot) noexcept;
  /// Gives the record of that slot to the caller.
  Record::Owner remove(std::uint32_t index) noexcept;
  /// Forgets all slots: their records belong to somebody else now.
  void disown() noexcept { size_ = 0; }

 private:
  explicit Leaf(std::uint32_t capacity) noexcept : capacity_(capacity) {}
  static std::size_t block_size(std::uint32_t capacity) noexcept;
  /// Tags are spread evenly.
  std::uint32_t guessed_index(std::uint16_t tag) const noexcept {
    return static_cast<std::uint32_t>((std::uint64_t{tag} * size_) >> 16);
  }

  std::uint32_t size_ = 0;
  std::uint32_t capacity_;
};

}  // namespace dht::storage
