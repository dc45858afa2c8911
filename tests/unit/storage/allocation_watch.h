// What this test program takes from operator new, per thread: counted, and failing on demand.
//
// Thread rule: each thread sees and steers its own allocations only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dht::testing {

/// Bytes that live in blocks of operator new, as the allocator rounds them.
std::int64_t live_bytes() noexcept;
/// How many blocks those are.
std::int64_t live_blocks() noexcept;
/// Calls of operator new so far, and the bytes they asked for.
std::uint64_t allocations() noexcept;
std::uint64_t requested_bytes() noexcept;

/// While it lives, the first `allowed` allocations succeed and all after them fail.
class AllocationLimit {
 public:
  explicit AllocationLimit(std::uint64_t allowed) noexcept;
  ~AllocationLimit();
  AllocationLimit(const AllocationLimit&) = delete;
  AllocationLimit& operator=(const AllocationLimit&) = delete;
};

}  // namespace dht::testing
