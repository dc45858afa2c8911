// Changes of entries: one that owns its bytes, and Changes, a few of them as they travel, in one block of bytes that is
// made once and shared by whoever keeps or sends them: the piece of a stream, the history.
//
// Thread rule: immutable; copies share the bytes and may live on different threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dht/storage.h>

#include "wire/fixed.h"

namespace dht::wire {

/// A change that owns its bytes.
struct Change {
  StorageChange::Kind kind = StorageChange::Kind::put;
  std::string key{};
  std::string value{};
  Version version = 0;
  ClusterId copy_of{};

  bool operator==(const Change&) const = default;
};

inline StorageChange view_of(const Change& change) noexcept {
  return {change.kind, change.key, change.value, change.version, change.copy_of};
}

class Changes {
 public:
  Changes() noexcept = default;
  explicit Changes(std::span<const StorageChange> changes);
  Changes(const std::vector<Change>& changes);
  Changes(std::initializer_list<Change> changes) : Changes(std::vector<Change>(changes)) {}
  Changes(const Changes& other) noexcept;
  Changes(Changes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Changes& operator=(Changes other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Changes();

  /// Of what `append` has written. Fails the reader, and gives none, where that makes no sense.
  static Changes read(FixedReader& in);

  /// A hint: they are about to be used or dropped.
  void fetch_ahead() const noexcept { __builtin_prefetch(block_, 1); }
  bool empty() const noexcept { return size() == 0; }
  std::size_t size() const noexcept;
  /// Their number, and then each: the form in which they travel.
  std::string_view encoded() const noexcept;
  bool operator==(const Changes& other) const noexcept { return encoded() == other.encoded(); }

  /// Goes through the changes; what it gives views the bytes of `Changes`.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = StorageChange;
    using difference_type = std::ptrdiff_t;
    using pointer = const StorageChange*;
    using reference = const StorageChange&;

    Iterator() noexcept : rest_(std::string_view{}) {}
    Iterator(FixedReader rest, std::size_t left) noexcept : rest_(rest), left_(left) { read(); }
    const StorageChange& operator*() const noexcept { return change_; }
    const StorageChange* operator->() const noexcept { return &change_; }
    Iterator& operator++() noexcept {
      --left_;
      read();
      return *this;
    }
    bool operator==(const Iterator& other) const noexcept { return left_ == other.left_; }

   private:
    void read() noexcept;

    FixedReader rest_;
    std::size_t left_ = 0;
    StorageChange change_{};
  };
  Iterator begin() const noexcept;
  Iterator end() const noexcept { return {}; }
  StorageChange front() const noexcept { return *begin(); }

 private:
  struct Block;
  static Block* make_block(std::size_t count, std::size_t bytes);
  explicit Changes(Block* block) noexcept : block_(block) {}

  Block* block_ = nullptr;  ///< null where there are no changes
};

// One change, as it travels.

/// The least that a change takes: so a false count cannot make anybody reserve much.
inline constexpr std::size_t kLeastChangeBytes = 25;

template <typename Out>
void put(Out& out, const StorageChange& change) {
  out.put(change.kind);
  out.put(change.version);
  out.put(change.copy_of.value);
  out.put_bytes(change.key);
  out.put_bytes(change.value);
}
/// Views the bytes.
inline StorageChange get_change(FixedReader& in) noexcept {
  StorageChange change;
  change.kind = in.get_enum(StorageChange::Kind::erase);
  change.version = in.get<std::uint64_t>();
  change.copy_of.value = in.get<std::uint64_t>();
  change.key = in.get_bytes();
  change.value = in.get_bytes();
  return change;
}
/// Their number; zero, and the reader has failed, where so many cannot follow.
inline std::uint32_t get_change_count(FixedReader& in) noexcept {
  const auto count = in.get<std::uint32_t>();
  if (count <= in.left() / kLeastChangeBytes) return count;
  in.fail();
  return 0;
}

}  // namespace dht::wire
