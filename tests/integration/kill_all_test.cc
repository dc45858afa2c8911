// All nodes of a cluster are killed at once, again and again, while clients write.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/durable_cluster.h"
#include "support/print.h"
#include "support/writers.h"

namespace dht::integration {
namespace {

constexpr std::uint64_t kWritesBetweenKills = 300;

TEST_CASE("after all five were killed at once under load, nothing that was acknowledged is lost, twenty times") {
  const int rounds = timed_build() ? 20 : 4;
  DurableCluster cluster({.nodes = 5, .arguments = {"--replicas", "2"}});
  const std::vector<std::string> ids = cluster.ids();
  Writers writers(cluster.endpoints(), 6, 50);
  std::mt19937_64 random(20);
  double slowest = 0;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    writers.start();
    // Some of what the clients write comes while the nodes are starting, some before the kill.
    const std::uint64_t enough = writers.acknowledged() + kWritesBetweenKills + random() % kWritesBetweenKills;
    REQUIRE(eventually([&] { return writers.acknowledged() >= enough; }, kComebackPatience));
    cluster.crash_all();
    const auto start = SteadyClock::now();
    cluster.restart_all(random);
    cluster.await_whole();
    slowest = std::max(slowest, seconds_since(start));
    writers.stop();
    REQUIRE(writers.trouble() == "");
    REQUIRE(writers.judge(cluster[random() % cluster.size()]) == "");
    CHECK(cluster.ids() == ids);
  }
  for (std::size_t i = 0; i < cluster.size(); ++i)
    CHECK(writers.judge(cluster[i]) == "");
  fmt::print("{} writes were acknowledged, whole again after {:.1f} s at most\n", writers.acknowledged(), slowest);
}

}  // namespace
}  // namespace dht::integration
