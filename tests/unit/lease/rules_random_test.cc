// The theorem behind the rules (design 6, "Assumption"): where the rates of any two clocks differ by less than a tenth,
// a lease has ended at its holder before whoever relies on that does so. Shown on random clocks, in true time, which
// nobody in the system knows.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

#include <doctest/doctest.h>

#include "lease/rules.h"
#include "times.h"

namespace dht::lease {

namespace {

/// True time in nanoseconds, from some beginning.
using Truth = double;

/// Half a nanosecond too much or too little is rounding.
constexpr Truth kRounding = 2;

struct Clock {
  double rate = 1;
  double offset = 0;

  Instant read(Truth time) const { return {Duration{static_cast<Duration::rep>(offset + rate * time)}}; }
  /// When it shows `instant`.
  Truth when(Instant instant) const { return (static_cast<double>(instant.since_start.count()) - offset) / rate; }
};

/// Clocks of which any two differ by less than a tenth, often by nearly that.
class Clocks {
 public:
  explicit Clocks(std::mt19937_64& random) : random_(random), slowest_(0.8 + 0.4 * part()) {}

  Clock next() {
    const auto kind = random_() % 4;
    const double faster = kind == 0 ? 0 : kind == 1 ? 0.0999 : 0.0999 * part();
    return {.rate = slowest_ * (1 + faster), .offset = 1e12 * part()};
  }

 private:
  double part() { return static_cast<double>(random_() % 10'000) / 10'000; }

  std::mt19937_64& random_;
  double slowest_;
};

/// A leader that has been confirmed once, a node that has been granted what was left of that, and what becomes of them.
struct Story {
  explicit Story(std::uint64_t seed) : random(seed) {}

  /// Often nothing, seldom much.
  Truth some(Duration most) {
    if (random() % 3 == 0) return 0;
    return static_cast<Truth>(random() % static_cast<std::uint64_t>(most.count()));
  }

  std::mt19937_64 random;
  Clocks clocks{random};
  Clock leader = clocks.next();
  Clock node = clocks.next();
  Clock voter = clocks.next();
  Clock successor = clocks.next();

  Truth leader_asked = 1e9;
  Truth voter_said_yes = leader_asked + some(ms(800));
  Instant leader_until = end_at_holder(leader.read(leader_asked), kLease);

  Truth node_asked = leader_asked + some(ms(1000));
  Truth granted_at = node_asked + some(ms(400));
  Duration granted =
      std::chrono::floor<std::chrono::milliseconds>(grantable(leader.read(granted_at), leader_until, kLease));

  Truth leader_ends = leader.when(leader_until);
  Truth node_ends = node.when(end_at_holder(node.read(node_asked), granted));
};

}  // namespace

TEST_CASE("6: a node's lease has ended before its grantor reckons so, and before the grantor's own has") {
  std::uint64_t grants = 0;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    CAPTURE(seed);
    const Story story(seed);
    if (story.granted == Duration{0}) continue;
    ++grants;
    const Instant reckoned = story.leader.read(story.granted_at) + story.granted;
    CHECK(story.node_ends <= story.leader.when(reckoned) + kRounding);
    CHECK(story.node_ends <= story.leader_ends + kRounding);
  }
  CHECK(grants > 5000);
}

TEST_CASE("6: the old leader's lease, and what it has granted, have ended before its successor has waited") {
  std::uint64_t shortened = 0;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    // The voter may have promised before, and said yes to the old leader nevertheless; what counts is its accepting.
    const Truth accepted = story.voter_said_yes + story.some(ms(1500));
    const Truth known_to_be_chosen = accepted + story.some(ms(300));
    const Duration quiet = story.voter.read(accepted) - story.voter.read(story.voter_said_yes);
    const bool is_told = story.random() % 4 != 0;
    const auto ago = std::chrono::floor<std::chrono::milliseconds>(is_told ? quiet : Duration{0});
    const Duration wait = wait_of_new_leader(kLease, ago);
    if (wait < kLease) ++shortened;
    const Truth waited = story.successor.when(story.successor.read(known_to_be_chosen) + wait);
    CHECK(story.leader_ends <= waited + kRounding);
    CHECK((story.granted == Duration{0} || story.node_ends <= waited + kRounding));
  }
  CHECK(shortened > 5000);
}

}  // namespace dht::lease
