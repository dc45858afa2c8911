#include "cluster/liveness.h"

#include <chrono>

#include <doctest/doctest.h>

#include "maps.h"

namespace dht::testing {

namespace {

using cluster::Liveness;
using std::chrono::milliseconds;

constexpr Instant kStart{std::chrono::seconds(50)};
constexpr Duration kLimit = milliseconds(1000);

}  // namespace

TEST_CASE("a node is alive for as long as the limit after it was heard; self always") {
  Liveness liveness(NodeId{1}, kLimit, even_map(2, 1), kStart);
  CHECK(liveness.is_alive(NodeId{2}, kStart + kLimit));
  CHECK_FALSE(liveness.is_alive(NodeId{2}, kStart + kLimit + Duration{1}));
  CHECK(liveness.is_alive(NodeId{1}, kStart + 100 * kLimit));
  CHECK_FALSE(liveness.is_alive(NodeId{3}, kStart));
  CHECK_FALSE(liveness.hear(NodeId{2}, kStart + kLimit));
  CHECK(liveness.is_alive(NodeId{2}, kStart + 2 * kLimit));
  CHECK(liveness.hear(NodeId{3}, kStart));
}

TEST_CASE("passing time tells when a node may have died") {
  Liveness liveness(NodeId{1}, kLimit, even_map(3, 1), kStart);
  Instant now = kStart;
  int deaths = 0;
  while (now < kStart + 5 * kLimit) {
    now = now + kLimit / 8;
    const bool before = liveness.is_alive(NodeId{3}, now - kLimit / 8);
    const bool may_have_died = liveness.pass(now);
    if (before && !liveness.is_alive(NodeId{3}, now)) {
      ++deaths;
      CHECK(may_have_died);
    }
    liveness.hear(NodeId{2}, now);
    CHECK(liveness.is_alive(NodeId{2}, now));
  }
  CHECK(deaths == 1);
}

TEST_CASE("6: one that was itself paused takes nobody for dead because of that") {
  Liveness liveness(NodeId{1}, kLimit, even_map(2, 1), kStart);
  const Instant woken = kStart + 60 * kLimit;
  liveness.pass(woken);
  CHECK(liveness.is_alive(NodeId{2}, woken));
  CHECK(liveness.is_alive(NodeId{2}, woken + kLimit));
  CHECK_FALSE(liveness.is_alive(NodeId{2}, woken + kLimit + Duration{1}));
}

TEST_CASE("nodes of a newer map count as heard; those that are gone and silent are forgotten") {
  Liveness liveness(NodeId{1}, kLimit, even_map(2, 1), kStart);
  const Instant later = kStart + kLimit / 2;
  liveness.adopt(even_map(3, 1), later);
  CHECK(liveness.is_alive(NodeId{3}, later + kLimit));
  CHECK_FALSE(liveness.is_alive(NodeId{2}, later + kLimit));
  liveness.adopt(even_map(1, 1), later + kLimit);
  CHECK(liveness.is_alive(NodeId{3}, later + kLimit));
  CHECK(liveness.hear(NodeId{2}, later + kLimit));
}

}  // namespace dht::testing
