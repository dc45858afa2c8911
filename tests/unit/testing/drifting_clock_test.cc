#include <cstdint>
#include <random>

#include <doctest/doctest.h>

#include <dht/testing/drifting_clock.h>

namespace {

using namespace std::chrono_literals;
using dht::Duration;
using dht::Instant;
using dht::testing::DriftingClock;

TEST_CASE("a clock that was told nothing shows true time") {
  const DriftingClock clock;
  CHECK(clock.at(Instant{17ns}) == Instant{17ns});
  CHECK(clock.moment_of(Instant{17ns}) == Instant{17ns});
}

TEST_CASE("a clock starts at its offset and gains or loses by its rate") {
  DriftingClock clock{1h};
  clock.set_rate(Instant{0ns}, 50'000);
  CHECK(clock.at(Instant{0ns}) == Instant{1h});
  CHECK(clock.at(Instant{100s}) == Instant{1h + 105s});
  DriftingClock slow;
  slow.set_rate(Instant{0ns}, -50'000);
  CHECK(slow.at(Instant{100s}) == Instant{95s});
}

TEST_CASE("a change of rate counts from its moment on, without a jump") {
  DriftingClock clock;
  clock.set_rate(Instant{10s}, 100'000);
  CHECK(clock.at(Instant{10s}) == Instant{10s});
  CHECK(clock.at(Instant{20s}) == Instant{21s});
  clock.set_rate(Instant{20s}, -100'000);
  CHECK(clock.at(Instant{20s}) == Instant{21s});
  CHECK(clock.at(Instant{30s}) == Instant{30s});
}

TEST_CASE("years at any rate do not overflow") {
  DriftingClock clock;
  clock.set_rate(Instant{0ns}, 1'000'000);
  const Duration years = std::chrono::hours{24 * 365 * 100};
  CHECK(clock.at(Instant{years}) == Instant{2 * years});
  CHECK(clock.moment_of(Instant{2 * years}) == Instant{years});
}

TEST_CASE("a clock never runs backwards, and the moment of a reading is the first one that shows it") {
  std::mt19937_64 random(5);
  for (int round = 0; round < 1000; ++round) {
    DriftingClock clock{Duration{static_cast<std::int64_t>(random() % 1'000'000'000)}};
    Instant truth;
    Instant before = clock.at(truth);
    for (int change = 0; change < 5; ++change) {
      truth = truth + Duration{static_cast<std::int64_t>(random() % 3'000'000'000)};
      REQUIRE(clock.at(truth) >= before);
      before = clock.at(truth);
      clock.set_rate(truth, static_cast<std::int64_t>(random() % 200'001) - 100'000);
      REQUIRE(clock.at(truth) == before);
      const Instant shown = before + Duration{static_cast<std::int64_t>(random() % 5'000'000'000) + 1};
      const Instant moment = clock.moment_of(shown);
      REQUIRE(clock.at(moment) >= shown);
      REQUIRE(clock.at(moment - Duration{1}) < shown);
    }
  }
}

}  // namespace
