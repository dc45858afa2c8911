// The power of all machines fails at once under load: only what was synced is left, and it is all that was
// acknowledged.
#include "support/power_cut.h"

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

constexpr std::uint64_t kWritesBetweenCuts = 200;

struct Powered {
  explicit Powered(std::vector<std::string> arguments)
      : cut(journals.path()),
        cluster({.nodes = 5,
                 .arguments = std::move(arguments),
                 .adjust = [this](std::size_t node, NodeSetup& setup) { setup.launcher = cut.launcher(node); }}),
        writers(cluster.endpoints(), 6, 50) {}

  /// All nodes stop under load, lose what was not synced, and come back.
  void fail_and_come_back() {
    const std::uint64_t enough = writers.acknowledged() + kWritesBetweenCuts + random() % kWritesBetweenCuts;
    writers.start();
    REQUIRE(eventually([&] { return writers.acknowledged() >= enough; }, kComebackPatience));
    cluster.crash_all();
    writers.stop();
    REQUIRE(writers.trouble() == "");
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      const PowerCut::Loss loss = cut.cut(i, cluster.directory(i), random);
      lost_bytes += loss.bytes;
      lost_files += loss.files;
    }
    cluster.restart_all(random);
    cluster.await_whole();
  }
  TestNode& any() { return cluster[random() % cluster.size()]; }

  std::mt19937_64 random{10};
  std::uint64_t lost_bytes = 0;
  std::size_t lost_files = 0;
  testing::TempDirectory journals;
  PowerCut cut;
  DurableCluster cluster;
  Writers writers;
};

TEST_CASE("after the power failed everywhere, what was acknowledged is there, ten times and more") {
  Powered powered({"--replicas", "2"});
  const std::vector<std::string> ids = powered.cluster.ids();
  for (int round = 0; round < 12; ++round) {
    CAPTURE(round);
    powered.fail_and_come_back();
    REQUIRE(powered.writers.judge(powered.any()) == "");
    CHECK(powered.cluster.ids() == ids);
  }
  fmt::print("{} writes were acknowledged; {} bytes and {} files that were not synced are gone\n",
             powered.writers.acknowledged(), powered.lost_bytes, powered.lost_files);
}

TEST_CASE("this test can fail: with --sync=none a power failure takes what was acknowledged") {
  Powered powered({"--replicas", "2", "--sync", "none"});
  std::size_t wrong = 0;
  for (int round = 0; round < 5 && wrong == 0; ++round) {
    powered.fail_and_come_back();
    wrong = powered.writers.count_wrong(powered.any());
  }
  CHECK(powered.lost_bytes > 0);
  CHECK(wrong > 0);
  fmt::print("{} keys are wrong where nothing waits for the disk\n", wrong);
}

}  // namespace
}  // namespace dht::integration
