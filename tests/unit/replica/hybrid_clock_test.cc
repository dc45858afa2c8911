// design.md 4: "`version` is a 64-bit hybrid logical clock (48 bits of milliseconds, 16 of counter)".
#include "base/hybrid_clock.h"

#include <random>

#include <doctest/doctest.h>

namespace dht::base {

TEST_CASE("a version holds the wall clock's milliseconds in its upper 48 bits") {
  HybridClock clock;
  CHECK(clock.next(1'700'000'000'123) == std::uint64_t{1'700'000'000'123} << 16);
  CHECK(clock.next(1'700'000'000'123) == (std::uint64_t{1'700'000'000'123} << 16) + 1);
}

TEST_CASE("zero is never given") {
  HybridClock clock;
  CHECK(clock.last() == 0);
  CHECK(clock.next(0) == 1);
}

TEST_CASE("a full counter carries into the milliseconds") {
  HybridClock clock;
  clock.observe((std::uint64_t{1000} << 16) + 0xffff);
  CHECK(clock.next(1000) == std::uint64_t{1001} << 16);
  CHECK(clock.next(1000) == (std::uint64_t{1001} << 16) + 1);
}

TEST_CASE("an observed version raises the clock and never lowers it") {
  HybridClock clock;
  clock.observe(500);
  CHECK(clock.next(0) == 501);
  clock.observe(7);
  CHECK(clock.last() == 501);
}

TEST_CASE("versions strictly grow under any wall clock and any observations") {
  std::mt19937_64 random(1);
  HybridClock clock;
  std::uint64_t last = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t wall = 1000 + random() % 50;
    if (random() % 4 == 0) clock.observe((wall << 16) + random() % 0x20000);
    const std::uint64_t version = clock.next(wall);
    CHECK(version > last);
    CHECK(version >= wall << 16);
    last = version;
  }
}

}  // namespace dht::base
