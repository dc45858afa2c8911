// DriftingClock: a process's clock as a function of true time. It starts anywhere and runs a little too fast or too
// slow. Integers only, so that every machine reckons the same.
//
// Thread rule: one object from one thread at a time.
#pragma once

#include <cstdint>

#include <dht/scheduler.h>

namespace dht::testing {

class DriftingClock {
 public:
  /// Shows `offset` at true time zero.
  explicit DriftingClock(Duration offset = Duration{0}) noexcept : shown_then_{offset} {}

  /// What the clock shows at `truth`, which must not lie before the last change of rate.
  Instant at(Instant truth) const;
  /// The first moment of true time at which it shows `shown` or more, if its rate stays; the last change of rate where
  /// it did so before.
  Instant moment_of(Instant shown) const;

  /// From `truth` on, each true second takes this clock a second and so many millionths. It neither jumps nor runs
  /// backwards. The rate must be more than -1'000'000, which stands still.
  void set_rate(Instant truth, std::int64_t parts_per_million);

 private:
  static constexpr std::int64_t kMillion = 1'000'000;

  Instant truth_then_;  ///< of the last change
  Instant shown_then_;
  std::int64_t per_million_ = kMillion;  ///< its units of time in a million true ones
};

}  // namespace dht::testing
