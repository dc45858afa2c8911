#include "allocation_watch.h"

#include <cstdlib>
#include <limits>
#include <new>

#include <malloc.h>

namespace dht::testing {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

struct Watch {
  std::int64_t live_bytes = 0;
  std::int64_t live_blocks = 0;
  std::uint64_t allocations = 0;
  std::uint64_t requested_bytes = 0;
  std::uint64_t allowed = kNoLimit;
};

thread_local Watch watch;

void* allocate(std::size_t size) noexcept {
  if (watch.allowed == 0) return nullptr;
  if (watch.allowed != kNoLimit) --watch.allowed;
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) return nullptr;
  watch.live_bytes += static_cast<std::int64_t>(malloc_usable_size(block));
  ++watch.live_blocks;
  ++watch.allocations;
  watch.requested_bytes += size;
  return block;
}

void* allocate_or_throw(std::size_t size) {
  void* block = allocate(size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void release(void* block) noexcept {
  if (block == nullptr) return;
  watch.live_bytes -= static_cast<std::int64_t>(malloc_usable_size(block));
  --watch.live_blocks;
  std::free(block);
}

}  // namespace

std::int64_t live_bytes() noexcept { return watch.live_bytes; }
std::int64_t live_blocks() noexcept { return watch.live_blocks; }
std::uint64_t allocations() noexcept { return watch.allocations; }
std::uint64_t requested_bytes() noexcept { return watch.requested_bytes; }

AllocationLimit::AllocationLimit(std::uint64_t allowed) noexcept { watch.allowed = allowed; }
AllocationLimit::~AllocationLimit() { watch.allowed = kNoLimit; }

}  // namespace dht::testing

void* operator new(std::size_t size) { return dht::testing::allocate_or_throw(size); }
void* operator new[](std::size_t size) { return dht::testing::allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return dht::testing::allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return dht::testing::allocate(size); }
void operator delete(void* block) noexcept { dht::testing::release(block); }
void operator delete[](void* block) noexcept { dht::testing::release(block); }
void operator delete(void* block, std::size_t) noexcept { dht::testing::release(block); }
void operator delete[](void* block, std::size_t) noexcept { dht::testing::release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { dht::testing::release(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { dht::testing::release(block); }
