// HybridClock: versions that strictly grow and stay near the wall clock. 48 bits of milliseconds since 1970, 16 bits of
// counter (Kulkarni et al., "Logical Physical Clocks", 2014, in its 64-bit form).
//
// Thread rule: none of its own; use it from one thread at a time.
#pragma once

#include <cstdint>

namespace dht::base {

class HybridClock {
 public:
  /// Everything at or above is nonsense (the year 6429): refuse it where it comes from outside, so that the clock never
  /// runs out.
  static constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;

  /// The first version of that millisecond.
  static std::uint64_t version_at(std::uint64_t wall_ms) noexcept;
  /// The next version: greater than every one given or observed, and no older than the wall clock.
  std::uint64_t next(std::uint64_t wall_ms) noexcept;
  /// Someone else gave `version` (below `kLimit`): all further ones are greater.
  void observe(std::uint64_t version) noexcept;
  /// The greatest version given or observed; zero at the start.
  std::uint64_t last() const noexcept { return last_; }

 private:
  std::uint64_t last_ = 0;
};

}  // namespace dht::base
