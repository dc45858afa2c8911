// MemoryTotal: how much memory the partitions of one storage take together, as the allocator counts it.
//
// Thread rule: may be used from any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace dht::storage {

/// What a block of that size takes out of the memory of the process: glibc's allocator puts 8 bytes before each, and
/// hands out multiples of 16. jemalloc puts nothing before a block, and rounds the larger ones up to a quarter of a
/// power of two: about as much on the whole.
constexpr std::size_t memory_of_block(std::size_t size) noexcept {
  constexpr std::size_t kBefore = 8;
  constexpr std::size_t kStep = 16;
  constexpr std::size_t kLeast = 32;
  return std::max(kLeast, (size + kBefore + kStep - 1) / kStep * kStep);
}

class MemoryTotal {
 public:
  std::uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  /// A partition took `before` and takes `after` now. Costs nothing where that is the same.
  void change(std::uint64_t before, std::uint64_t after) noexcept {
    if (after != before) bytes_.fetch_add(after - before, std::memory_order_relaxed);
  }

 private:
  // On a cache line of its own: every thread that writes adds to it.
  alignas(64) std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace dht::storage
