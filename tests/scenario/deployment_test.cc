// Nodes that carry a list of peers and join by it until all who answer are together (design.md 8: "every node of a
// deployment may carry the same list").

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/testing/cluster.h>

#include "../seeds.h"
#include "support/cluster_checks.h"

namespace {

using namespace std::chrono_literals;
using dht::JoinGoal;
using dht::testing::Cluster;
using dht::testing::ManualScheduler;
using scenario::trouble;

/// What a node does at its start: joins by its list, again and again until that is done.
class Starter {
 public:
  Starter(Cluster& cluster, std::size_t node, std::string list, dht::Duration delay)
      : cluster_(cluster), scheduler_(cluster.timeline(), node + 1), node_(node), list_(std::move(list)) {
    again(delay);
  }
  bool is_done() const noexcept { return done_; }

 private:
  static constexpr int kPatientAttempts = 8;

  void again(dht::Duration delay) {
    pause_ = scheduler_.call_later(delay, [this] {
      const auto goal = ++attempts_ <= kPatientAttempts ? JoinGoal::all_peers_patiently : JoinGoal::all_peers;
      cluster_.node(node_).join(list_, goal, [this](const dht::Status& status) {
        done_ = !status;
        if (!done_) again(std::chrono::milliseconds(100 + scheduler_.random() % 200));
      });
    });
  }

  Cluster& cluster_;
  ManualScheduler scheduler_;
  std::size_t node_;
  std::string list_;
  int attempts_ = 0;
  bool done_ = false;
  std::unique_ptr<dht::Scheduler::Timer> pause_;
};

std::string list_of(Cluster& cluster, const std::vector<std::size_t>& nodes) {
  std::string list;
  for (const std::size_t node : nodes)
    list += to_string(cluster.address(node)) + ",";
  return list;
}

bool all_done(const std::vector<std::unique_ptr<Starter>>& starters) {
  return std::all_of(starters.begin(), starters.end(), [](const auto& starter) { return starter->is_done(); });
}

TEST_CASE("nodes that start together with one list of all of them become one cluster, and keep what each had") {
  for (std::uint64_t seed = 1; seed <= dht::testing::seeds(60); ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 1, .seed = seed}};
    std::vector<std::size_t> nodes{0};
    while (nodes.size() < 5)
      nodes.push_back(cluster.add_node());
    for (const std::size_t node : nodes)
      cluster.table(node).put("of" + std::to_string(node), "v");
    std::vector<std::unique_ptr<Starter>> starters;
    ManualScheduler random(seed);
    for (const std::size_t node : nodes) {
      const auto delay = std::chrono::microseconds(random.random() % (seed % 2 == 0 ? 20'000 : 200'000));
      starters.push_back(std::make_unique<Starter>(cluster, node, list_of(cluster, nodes), delay));
    }
    REQUIRE(cluster.run_until([&] { return all_done(starters); }, 120s));
    CHECK(trouble(cluster, nodes) == "");
    for (const std::size_t node : nodes)
      CHECK(scenario::read(cluster, 0, "of" + std::to_string(node)) == "v");
  }
}

TEST_CASE("a node whose list names one that carries none goes to it, and takes those along that were with it") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 1, .seed = seed}};
    const std::size_t middle = cluster.add_node();
    const std::size_t last = cluster.add_node();
    std::vector<std::unique_ptr<Starter>> starters;
    starters.push_back(std::make_unique<Starter>(cluster, last, list_of(cluster, {middle}), 0ms));
    REQUIRE(cluster.run_until([&] { return all_done(starters); }, 60s));
    starters.push_back(std::make_unique<Starter>(cluster, middle, list_of(cluster, {0}), 0ms));
    REQUIRE(cluster.run_until([&] { return all_done(starters); }, 60s));
    CHECK(trouble(cluster, {0, middle}) == "");
    CHECK(cluster.node(last).peers().size() == 1);
  }
}

TEST_CASE("a node in a large cluster waits for one that stands alone to come, and says so") {
  Cluster cluster{{.nodes = 3}};
  const std::size_t alone = cluster.add_node();
  const auto join = cluster.join(1, list_of(cluster, {0, alone}), JoinGoal::all_peers_patiently);
  REQUIRE(cluster.run_until([&] { return join.is_done(); }, 60s));
  CHECK(join.status().code == dht::Errc::conflict);
  CHECK_FALSE(join.status().message.empty());
  CHECK(trouble(cluster, {0, 1, 2}) == "");
}

}  // namespace
