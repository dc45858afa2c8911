// A short storm: five processes that crash, pause, leave and are cut off from each other, and clients whose histories
// are linearizable all the same; nothing is lost (design.md 7 and 9). `storm_bench` is the long one.
#include "support/storm.h"

#include <doctest/doctest.h>

namespace dht::integration {
namespace {

TEST_CASE("five nodes with two copies of each key lose nothing and answer nothing wrong in a storm") {
  // By this seed a long pause, a crash of the leader, a leave and an isolation come first.
  const StormReport report = run_storm({.duration = std::chrono::seconds(13), .replicas = 2, .seed = 13});
  print(report);
  CHECK(report.is_good());
  CHECK(report.verdict.undecided == 0);
  CHECK(report.verdict.operations > 100);
}

}  // namespace
}  // namespace dht::integration
