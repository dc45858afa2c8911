#include "lease/rules.h"

#include <algorithm>
#include <chrono>

namespace dht::lease {
namespace {

/// Between nothing and `span`.
Duration part_of(Duration span, std::uint64_t random) {
  return Duration{static_cast<Duration::rep>(random % static_cast<std::uint64_t>(span.count()))};
}

}  // namespace

Duration length_of(const ClusterSettings& settings) { return std::chrono::milliseconds(settings.lease_ms); }

Duration with_margin(Duration length) { return length - length / 10; }

Instant end_at_holder(Instant asked, Duration length) { return asked + with_margin(length); }

Duration grantable(Instant now, Instant leader_until, Duration lease) {
  if (leader_until <= now) return Duration{0};
  return std::min(leader_until - now, lease);
}

Duration ask_interval(Duration lease) { return lease / 4; }

Duration tick_interval(Duration lease) { return lease / 8; }

Duration wait_of_new_leader(Duration lease, Duration confirmed_ago) {
  return std::clamp(lease - confirmed_ago, lease / 2, lease);
}

bool forbids_election(Instant said_yes, Instant now, Duration lease) { return now < said_yes + lease; }

Instant takeover_at(Instant said_yes, Duration lease, std::uint64_t random) {
  return said_yes + lease + part_of(lease / 4, random);
}

Instant next_attempt_at(Instant tried, Duration lease, std::uint64_t random) {
  return tried + lease / 4 + part_of(lease / 2, random);
}

Duration joining_patience(Duration lease) { return 3 * lease; }

}  // namespace dht::lease
