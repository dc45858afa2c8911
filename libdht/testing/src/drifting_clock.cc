#include <dht/testing/drifting_clock.h>

#include "base/assert.h"

namespace dht::testing {

namespace {

/// value * numerator / denominator, rounded up, without the large product. None may be negative.
std::int64_t scaled_up(std::int64_t value, std::int64_t numerator, std::int64_t denominator) {
  const std::int64_t rest = value % denominator * numerator;
  return value / denominator * numerator + rest / denominator + (rest % denominator != 0 ? 1 : 0);
}

std::int64_t scaled_down(std::int64_t value, std::int64_t numerator, std::int64_t denominator) {
  return value / denominator * numerator + value % denominator * numerator / denominator;
}

}  // namespace

Instant DriftingClock::at(Instant truth) const {
  const Duration passed = truth - truth_then_;
  DHT_ASSERT(passed >= Duration{0});
  return shown_then_ + Duration{scaled_down(passed.count(), per_million_, kMillion)};
}

Instant DriftingClock::moment_of(Instant shown) const {
  const Duration missing = shown - shown_then_;
  if (missing <= Duration{0}) return truth_then_;
  return truth_then_ + Duration{scaled_up(missing.count(), kMillion, per_million_)};
}

void DriftingClock::set_rate(Instant truth, std::int64_t parts_per_million) {
  DHT_ASSERT(-kMillion < parts_per_million && parts_per_million <= kMillion);
  shown_then_ = at(truth);
  truth_then_ = truth;
  per_million_ = kMillion + parts_per_million;
}

}  // namespace dht::testing
