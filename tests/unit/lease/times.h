// Times for the tests of this folder: everything is told in milliseconds, and a lease lasts a second.
#pragma once

#include <chrono>
#include <cstdint>

#include <dht/scheduler.h>

namespace dht::lease {

constexpr Duration ms(std::int64_t count) { return std::chrono::milliseconds(count); }
constexpr Instant at(std::int64_t count) { return {ms(count)}; }

inline constexpr Instant kNever{Duration::min()};
inline constexpr Duration kTick{1};  ///< no time is shorter
inline constexpr Duration kLease = ms(1000);

}  // namespace dht::lease
