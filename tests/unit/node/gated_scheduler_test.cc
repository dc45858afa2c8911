#include "node/gated_scheduler.h"

#include <chrono>
#include <memory>

#include <doctest/doctest.h>

#include <dht/testing/manual_scheduler.h>

namespace dht::node {
namespace {

using namespace std::chrono_literals;

TEST_CASE("tasks run as on the scheduler behind, until the gate is closed") {
  testing::ManualScheduler behind(1);
  GatedScheduler gated(behind);
  int runs = 0;
  gated.post([&] { ++runs; });
  const auto timer = gated.call_later(10ms, [&] { ++runs; });
  behind.run_for(20ms);
  CHECK(runs == 2);
  gated.post([&] { ++runs; });
  const auto later = gated.call_later(10ms, [&] { ++runs; });
  gated.close();
  behind.run_for(20ms);
  CHECK(runs == 2);
}

TEST_CASE("what waits behind may outlive the gate") {
  testing::ManualScheduler behind(1);
  int runs = 0;
  {
    GatedScheduler gated(behind);
    gated.post([&] { ++runs; });
  }
  behind.run_for(1ms);
  CHECK(runs == 0);
}

TEST_CASE("a cancelled timer does not run") {
  testing::ManualScheduler behind(1);
  GatedScheduler gated(behind);
  int runs = 0;
  auto timer = gated.call_later(10ms, [&] { ++runs; });
  timer.reset();
  behind.run_for(20ms);
  CHECK(runs == 0);
}

}  // namespace
}  // namespace dht::node
