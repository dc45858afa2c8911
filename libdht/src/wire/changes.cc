#include "wire/changes.h"

#include <atomic>
#include <cstring>
#include <new>

#include "base/assert.h"

namespace dht::wire {
namespace {

std::size_t encoded_size(std::span<const StorageChange> changes) noexcept {
  std::size_t bytes = sizeof(std::uint32_t);
  for (const StorageChange& change : changes)
    bytes += kLeastChangeBytes + change.key.size() + change.value.size();
  return bytes;
}

std::vector<StorageChange> views_of(const std::vector<Change>& changes) {
  std::vector<StorageChange> views;
  views.reserve(changes.size());
  for (const Change& change : changes)
    views.push_back(view_of(change));
  return views;
}

}  // namespace

/// Its bytes lie right behind it.
struct Changes::Block {
  std::atomic<std::uint32_t> owners{1};
  std::uint32_t count;
  std::size_t size;

  char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
};

Changes::Block* Changes::make_block(std::size_t count, std::size_t bytes) {
  void* const memory = ::operator new(sizeof(Block) + bytes);
  return ::new (memory) Block{.count = static_cast<std::uint32_t>(count), .size = bytes};
}

Changes::Changes(std::span<const StorageChange> changes) {
  if (changes.empty()) return;
  block_ = make_block(changes.size(), encoded_size(changes));
  FixedWriter out(block_->bytes(), block_->size);
  out.put(block_->count);
  for (const StorageChange& change : changes)
    put(out, change);
  DHT_ASSERT(out.left() == 0);
}

Changes::Changes(const std::vector<Change>& changes) : Changes(std::span<const StorageChange>(views_of(changes))) {}

Changes::Changes(const Changes& other) noexcept : block_(other.block_) {
  if (block_ != nullptr) block_->owners.fetch_add(1, std::memory_order_relaxed);
}

Changes::~Changes() {
  if (block_ == nullptr || block_->owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  block_->~Block();
  ::operator delete(block_);
}

Changes Changes::read(FixedReader& in) {
  const std::string_view before = in.rest();
  const std::uint32_t count = get_change_count(in);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    get_change(in);
  if (count == 0 || !in.ok()) return {};
  Block* const block = make_block(count, before.size() - in.left());
  std::memcpy(block->bytes(), before.data(), block->size);
  return Changes(block);
}

std::size_t Changes::size() const noexcept { return block_ == nullptr ? 0 : block_->count; }

std::string_view Changes::encoded() const noexcept {
  static constexpr char kNone[sizeof(std::uint32_t)] = {};
  return block_ == nullptr ? std::string_view(kNone, sizeof kNone) : std::string_view(block_->bytes(), block_->size);
}

Changes::Iterator Changes::begin() const noexcept {
  if (block_ == nullptr) return {};
  return {FixedReader(encoded().substr(sizeof(std::uint32_t))), block_->count};
}

void Changes::Iterator::read() noexcept {
  if (left_ != 0) change_ = get_change(rest_);
}

}  // namespace dht::wire
