#include "storage/leaf.h"

#include <algorithm>
#include <new>
#include <type_traits>

#include "base/assert.h"
#include "storage/memory_total.h"

namespace dht::storage {

static_assert(sizeof(Slot) == 8 && std::is_trivially_copyable_v<Slot> && std::is_trivially_destructible_v<Slot>);

Slot::Slot(std::uint16_t tag, Record* record) noexcept
    : bits_((std::uint64_t{tag} << kPointerBits) | reinterpret_cast<std::uintptr_t>(record)) {
  // User space of x86-64 and AArch64 ends below 2^48 unless a program asks for more.
  DHT_ASSERT((reinterpret_cast<std::uintptr_t>(record) & ~kPointerMask) == 0);
}

Record::Owner Slot::exchange(Record::Owner record) noexcept {
  Record::Owner old(this->record());
  *this = Slot(tag(), record.release());
  return old;
}

void Leaf::Deleter::operator()(Leaf* leaf) const noexcept {
  for (const Slot slot : leaf->slots()) {
    Record::Owner(slot.record()).reset();
  }
  leaf->~Leaf();
  ::operator delete(leaf);
}

std::uint32_t Leaf::capacity_for(std::uint32_t size) noexcept {
  constexpr std::uint32_t kProportionalFrom = 256;
  if (size <= 8) return std::max(2U, (size + 1) / 2 * 2);
  if (size > kProportionalFrom) size += size / 8;
  return (size + 7) / 8 * 8;
}

Leaf::Owner Leaf::make(std::uint32_t capacity) noexcept {
  DHT_ASSERT(capacity > 0);
  void* block = ::operator new(block_size(capacity), std::nothrow);
  if (block == nullptr) return nullptr;
  return Owner(::new (block) Leaf(capacity));
}

Leaf::Owner Leaf::resized(Leaf& leaf, std::uint32_t capacity) noexcept {
  DHT_ASSERT(leaf.size() <= capacity);
  Owner result = make(capacity);
  if (result == nullptr) return nullptr;
  result->size_ = leaf.size_;
  std::ranges::copy(leaf.slots(), result->slots().begin());
  leaf.disown();
  return result;
}

std::uint32_t Leaf::lower_bound(std::uint16_t tag) const noexcept {
  const std::span<const Slot> all = slots();
  std::uint32_t index = guessed_index(tag);
  while (index > 0 && all[index - 1].tag() >= tag)
    --index;
  while (index < size_ && all[index].tag() < tag)
    ++index;
  return index;
}

void Leaf::insert(std::uint32_t index, Slot slot) noexcept {
  DHT_ASSERT(!full() && index <= size_);
  ++size_;
  const std::span<Slot> all = slots();
  std::copy_backward(all.begin() + index, all.end() - 1, all.end());
  all[index] = slot;
}

void Leaf::append(Slot slot) noexcept {
  const std::span<const Slot> all = slots();
  std::uint32_t index = size_;
  while (index > 0 && all[index - 1].tag() > slot.tag())
    --index;
  insert(index, slot);
}

Record::Owner Leaf::remove(std::uint32_t index) noexcept {
  DHT_ASSERT(index < size_);
  const std::span<Slot> all = slots();
  Record::Owner record(all[index].record());
  std::copy(all.begin() + index + 1, all.end(), all.begin() + index);
  --size_;
  return record;
}

std::size_t Leaf::memory_bytes() const noexcept { return memory_of_block(block_size(capacity_)); }

std::size_t Leaf::block_size(std::uint32_t capacity) noexcept { return sizeof(Leaf) + capacity * sizeof(Slot); }

}  // namespace dht::storage
