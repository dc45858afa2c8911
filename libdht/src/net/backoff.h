// How long to wait after a failed attempt to connect.
//
// Thread rule: a pure function.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace dht::net {

/// min * 2^(failures - 1), at most max, less up to half of it by `random`: so that the many who lost the same peer at
/// one moment do not all return at one moment. `failures` in a row, at least one.
inline std::chrono::microseconds backoff_delay(std::uint32_t failures, std::chrono::microseconds min,
                                               std::chrono::microseconds max, std::uint64_t random) {
  constexpr std::uint32_t kMaxDoublings = 20;  // far past any sensible max, far from an overflow
  const auto full = std::min(min * (std::int64_t{1} << std::min(failures - 1, kMaxDoublings)), max);
  const auto half = full / 2;
  return full - std::chrono::microseconds(static_cast<std::int64_t>(random % (1 + std::uint64_t(half.count()))));
}

}  // namespace dht::net
