// A storage may complete each call later: joins, moves, leaves, listings and the end of a node go on all the same.

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/testing/cluster.h>

#include "support/cluster_checks.h"
#include "support/workload.h"

namespace {

using namespace std::chrono_literals;
using dht::testing::Cluster;
using dht::testing::ClusterOptions;
using scenario::check_quiet;
using scenario::fill;
using scenario::listed_keys;
using scenario::read;
using scenario::trouble;
using scenario::Workload;

constexpr std::uint64_t kSeeds = 10;

ClusterOptions late(std::size_t nodes, std::uint64_t seed, dht::Duration delay = 2ms) {
  return {.nodes = nodes, .seed = seed, .node = {.partitions = 16}, .storage_delay = delay};
}

/// A listing of everything, begun now, and how often it was answered.
std::shared_ptr<int> begin_listing(Cluster& cluster, std::size_t node) {
  const auto answers = std::make_shared<int>(0);
  cluster.node(node).list_keys({}, 1 << 20, [answers](std::error_code, const dht::KeyPage&) { ++*answers; });
  return answers;
}

TEST_CASE("a listing is complete, and its handler may call the node") {
  // One partition that takes several scans a page, so that each goes on where the last one came from.
  Cluster cluster({.nodes = 1, .node = {.partitions = 1}, .storage_delay = 2ms});
  for (int i = 0; i < 50; ++i)
    cluster.table(0).put("key" + std::to_string(i), std::string(1000, 'v'));
  std::size_t listed = 0;
  bool again = false;
  cluster.node(0).list_keys({}, 5000, [&](std::error_code error, const dht::KeyPage& page) {
    CHECK_FALSE(error);
    CHECK(page.next.at_end);
    listed = page.keys.size();
    cluster.node(0).list_keys({}, 1 << 20, [&](std::error_code, const dht::KeyPage&) { again = true; });
    cluster.node(0).put("one more", "v", [](std::error_code, dht::WriteResult) {});
  });
  REQUIRE(cluster.run_until([&] { return again; }, 1min));
  CHECK(listed == 50);
}

TEST_CASE("clients work through a join, moves, listings and a leave without an error or a wrong answer") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Cluster cluster(late(2, seed));
    const std::size_t joiner = cluster.add_node();
    Workload host_clients(cluster, {0, 1}, {.seed = seed, .prefix = "host"});
    Workload joiner_clients(cluster, {joiner}, {.seed = seed, .prefix = "joiner"});
    host_clients.begin();
    joiner_clients.begin();
    cluster.run_for(100ms);
    const auto join = cluster.join(joiner, seed % 2);
    while (!join.is_done()) {
      for (const std::size_t node : {std::size_t{0}, std::size_t{1}, joiner})
        listed_keys(cluster, node);
    }
    REQUIRE_FALSE(join.status());
    host_clients.use({1, joiner});
    joiner_clients.use({1, joiner});
    cluster.run_for(100ms);
    const auto leave = cluster.leave(0);
    while (!leave.is_done()) {
      for (const std::size_t node : {std::size_t{0}, std::size_t{1}, joiner})
        listed_keys(cluster, node);
    }
    REQUIRE_FALSE(leave.status());
    for (Workload* clients : {&host_clients, &joiner_clients}) {
      clients->finish();
      clients->check_everything({1, joiner});
      check_quiet(*clients);
    }
    CHECK(trouble(cluster, {1, joiner}) == "");
    CHECK(listed_keys(cluster, 1).size() + listed_keys(cluster, joiner).size() ==
          host_clients.expected().size() + joiner_clients.expected().size());
  }
}

TEST_CASE("a write that was under way when its node began to join is not lost") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    // The write is still being read for when the scan comes to its partition.
    Cluster cluster(late(1, seed, 20ms));
    const std::size_t joiner = cluster.add_node();
    std::set<std::string> acknowledged;
    for (int i = 0; i < 50; ++i) {
      const std::string key = "key" + std::to_string(i);
      cluster.node(joiner).put(key, "v", [&acknowledged, key](std::error_code error, dht::WriteResult) {
        if (!error) acknowledged.insert(key);
      });
    }
    REQUIRE_FALSE(cluster.join_and_wait(joiner, 0));
    CHECK(acknowledged.size() == 50);
    for (const std::string& key : acknowledged)
      CHECK(read(cluster, 0, key) == "v");
  }
}

TEST_CASE("a listing that is under way when its node becomes a member of another cluster is answered once") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Cluster cluster(late(1, seed));
    const std::size_t joiner = cluster.add_node();
    fill(cluster, joiner, "key", 20);
    std::vector<std::shared_ptr<int>> listings;
    const auto join = cluster.join(joiner, 0);
    while (!join.is_done()) {
      listings.push_back(begin_listing(cluster, joiner));
      cluster.run_for(1ms);
    }
    REQUIRE_FALSE(join.status());
    cluster.run_for(1s);
    for (const auto& answers : listings)
      CHECK(*answers == 1);
  }
}

TEST_CASE("operations whose deadline passed at the storage do not disturb a join") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Cluster cluster(late(1, seed, 100ms));
    const std::size_t joiner = cluster.add_node();
    const auto join = cluster.join(joiner, 0);
    int answers = 0;
    int begun = 0;
    while (!join.is_done()) {
      ++begun;
      cluster.node(joiner).put("key" + std::to_string(begun % 8), "v", {.deadline = 50ms},
                               [&](std::error_code, dht::WriteResult) { ++answers; });
      cluster.run_for(130ms);  // slower than the storage, so that nothing piles up there
    }
    CHECK_FALSE(join.status());
    cluster.run_for(10s);
    CHECK(answers == begun);
  }
}

TEST_CASE("learners that are dropped in the middle of their stream do no harm, and the moves are done again") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Cluster cluster(late(1, seed));
    fill(cluster, 0, "key", 100);
    const std::size_t joiner = cluster.add_node();
    int pieces = 0;
    cluster.network().set_filter([&](const dht::Address&, const dht::Address&, dht::Lane lane, dht::Frame) {
      return lane != dht::Lane::replication || ++pieces % 20 != 0;
    });
    const auto join = cluster.join(joiner, 0);
    cluster.run_for(3s);
    CHECK(pieces > 20);
    cluster.network().set_filter(nullptr);
    REQUIRE(cluster.run_until([&] { return join.is_done(); }, 1min));
    CHECK_FALSE(join.status());
    CHECK(trouble(cluster, {0, joiner}) == "");
    for (int i = 0; i < 100; ++i)
      CHECK(read(cluster, joiner, "key" + std::to_string(i)) == "v");
  }
}

TEST_CASE("a node that left keeps its copies, and brings them when it comes back") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Cluster cluster(late(2, seed));
    fill(cluster, 0, "key", 50);
    const std::vector<std::string> held = listed_keys(cluster, 0);
    REQUIRE_FALSE(cluster.leave_and_wait(0));
    CHECK(listed_keys(cluster, 0).size() == held.size());
    CHECK(listed_keys(cluster, 1).size() == 50);
    for (const std::string& key : held)
      CHECK(read(cluster, 0, key) == "v");
    REQUIRE_FALSE(cluster.join_and_wait(0, 1));
    CHECK(listed_keys(cluster, 0).size() + listed_keys(cluster, 1).size() == 50);
    CHECK(trouble(cluster, {0, 1}) == "");
  }
}

TEST_CASE("a node may end at any moment of a join and of a leave, and each of its operations is answered once") {
  for (int moment = 0; moment < 40; ++moment) {
    CAPTURE(moment);
    Cluster cluster(late(2, static_cast<std::uint64_t>(moment) + 1));
    fill(cluster, 0, "key", 20);
    std::size_t ending = 0;
    bool done = false;
    SUBCASE("of a join") {
      ending = cluster.add_node();
      fill(cluster, ending, "own", 20);
      cluster.node(ending).join(to_string(cluster.address(0)), [&](const dht::Status&) { done = true; });
    }
    SUBCASE("of a leave") {
      cluster.node(ending).leave([&](const dht::Status&) { done = true; });
    }
    cluster.run_for(moment * 3ms);
    int answers = 0;
    for (int i = 0; i < 20; ++i) {
      cluster.table(ending).put("new" + std::to_string(i), "v", [&](std::error_code, dht::WriteResult) { ++answers; });
    }
    const auto listing = begin_listing(cluster, ending);
    cluster.run_for(1ms);
    cluster.stop(ending);
    CHECK(answers == 20);
    CHECK(*listing <= 1);
    cluster.run_for(1s);
    CHECK(answers == 20);
  }
}

}  // namespace
