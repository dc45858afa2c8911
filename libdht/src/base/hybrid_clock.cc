#include "base/hybrid_clock.h"

#include <algorithm>

#include "base/assert.h"

namespace dht::base {

namespace {
constexpr unsigned kCounterBits = 16;
constexpr std::uint64_t kMillisecondsMask = (std::uint64_t{1} << (64 - kCounterBits)) - 1;
}  // namespace

std::uint64_t HybridClock::version_at(std::uint64_t wall_ms) noexcept {
  return (wall_ms & kMillisecondsMask) << kCounterBits;
}

std::uint64_t HybridClock::next(std::uint64_t wall_ms) noexcept {
  const std::uint64_t physical = version_at(wall_ms);
  DHT_ASSERT(physical < kLimit);
  // A full counter carries into the milliseconds: the clock then runs ahead of the wall until that catches up.
  last_ = std::max(last_ + 1, physical);
  DHT_ASSERT(last_ != 0);  // what is below the limit leaves room for more than anybody can count
  return last_;
}

void HybridClock::observe(std::uint64_t version) noexcept {
  DHT_ASSERT(version < kLimit);
  last_ = std::max(last_, version);
}

}  // namespace dht::base
