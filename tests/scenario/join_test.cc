// Joins, as design.md 8 "Join" has them.

#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/testing/cluster.h>

#include "../seeds.h"
#include "support/cluster_checks.h"
#include "support/workload.h"

namespace {

using namespace std::chrono_literals;
using dht::testing::Cluster;
using scenario::check_quiet;
using scenario::read;
using scenario::trouble;
using scenario::Workload;

TEST_CASE("as soon as a join has returned, every member's status shows every partition served") {
  Cluster cluster{{.nodes = 1}};
  for (std::size_t joiner = 1; joiner < 6; ++joiner) {
    REQUIRE(cluster.add_node() == joiner);
    REQUIRE_FALSE(cluster.join_and_wait(joiner, joiner - 1));
    for (std::size_t i = 0; i <= joiner; ++i) {
      CAPTURE(i);
      const dht::NodeStatus status = cluster.node(i).status();
      CHECK(status.healthy == 64);
      CHECK(status.unserved == 0);
      CHECK(status.ready);
    }
  }
}

TEST_CASE(
    "a join whose moves take longer than a step may waits for them, heartbeats being rarer than that (seed 200825)") {
  Cluster cluster{
      {.nodes = 1, .node = {.partitions = 64, .lease = 800ms, .join_step_timeout = 100ms, .max_moves_per_node = 1}}};
  const std::size_t joiner = cluster.add_node();
  const dht::Instant begun = cluster.timeline().now();
  REQUIRE_FALSE(cluster.join_and_wait(joiner, 0));
  CHECK(cluster.timeline().now() - begun > 400ms);
  CHECK(cluster.node(joiner).status().moving == 0);
  CHECK(trouble(cluster, {0, joiner}) == "");
}

TEST_CASE("a join merges two tables, and both nodes see the union") {
  Cluster cluster{{.nodes = 1}};
  const std::size_t joiner = cluster.add_node();
  for (int i = 0; i < 200; ++i)
    cluster.table(0).put("host-" + std::to_string(i), "h");
  for (int i = 0; i < 200; ++i)
    cluster.table(joiner).put("joiner-" + std::to_string(i), "j");
  REQUIRE_FALSE(cluster.join_and_wait(joiner, 0));
  for (const std::size_t node : {std::size_t{0}, joiner}) {
    for (int i = 0; i < 200; ++i) {
      CHECK(read(cluster, node, "host-" + std::to_string(i)) == "h");
      CHECK(read(cluster, node, "joiner-" + std::to_string(i)) == "j");
    }
  }
  CHECK(trouble(cluster, {0, joiner}) == "");
  CHECK(scenario::listed_keys(cluster, 0).size() + scenario::listed_keys(cluster, joiner).size() == 400);
}

TEST_CASE("where both tables have a key, the newer version wins, whichever side it is on") {
  Cluster cluster{{.nodes = 1}};
  const std::size_t joiner = cluster.add_node();
  cluster.table(0).put("newer here", "old");
  cluster.table(joiner).put("newer there", "old");
  cluster.run_for(10ms);
  cluster.table(joiner).put("newer here", "new");
  cluster.table(0).put("newer there", "new");
  REQUIRE_FALSE(cluster.join_and_wait(joiner, 0));
  CHECK(read(cluster, 0, "newer here") == "new");
  CHECK(read(cluster, joiner, "newer there") == "new");
}

TEST_CASE("when a join returns, every member sees the new node and every key at once") {
  Cluster cluster{{.nodes = 1}};
  std::vector<std::size_t> nodes{0};
  for (int round = 1; round < 10; ++round) {
    const std::size_t joiner = cluster.add_node();
    cluster.table(joiner).put("of-" + std::to_string(joiner), "v");
    REQUIRE_FALSE(cluster.join_and_wait(joiner, 0));
    nodes.push_back(joiner);
    CHECK(trouble(cluster, nodes) == "");
    for (const std::size_t node : nodes) {
      CHECK(cluster.node(node).peers().size() == nodes.size());
      for (const std::size_t other : nodes) {
        if (other != 0) CHECK(read(cluster, node, "of-" + std::to_string(other)) == "v");
      }
    }
  }
}

TEST_CASE("clients on both sides work through a join without an error or a wrong answer") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 2, .seed = seed}};
    const std::size_t joiner = cluster.add_node();
    Workload host_clients(cluster, {0, 1}, {.seed = seed, .prefix = "host"});
    Workload joiner_clients(cluster, {joiner}, {.seed = seed, .prefix = "joiner"});
    host_clients.begin();
    joiner_clients.begin();
    cluster.run_for(100ms);
    REQUIRE_FALSE(cluster.join_and_wait(joiner, seed % 2));
    host_clients.use({0, 1, joiner});
    joiner_clients.use({0, 1, joiner});
    cluster.run_for(100ms);
    host_clients.finish();
    joiner_clients.finish();
    host_clients.check_everything({0, 1, joiner});
    joiner_clients.check_everything({0, 1, joiner});
    check_quiet(host_clients);
    check_quiet(joiner_clients);
    CHECK(trouble(cluster, {0, 1, joiner}) == "");
    CHECK(host_clients.operations() > 200);
  }
}

TEST_CASE("a key that the joiner's clients delete while it joins does not come back") {
  // Each seed deletes at another moment of the copy.
  for (std::uint64_t seed = 1; seed <= dht::testing::seeds(40); ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 1, .seed = seed}};
    const std::size_t joiner = cluster.add_node();
    for (int i = 0; i < 100; ++i)
      cluster.table(joiner).put("k" + std::to_string(i), "v");
    const auto join = cluster.join(joiner, 0);
    cluster.run_for(std::chrono::microseconds(seed * 200));
    int erased = 0;
    for (int i = 0; i < 100; i += 2) {
      cluster.table(joiner).erase("k" + std::to_string(i),
                                  [&](std::error_code error, dht::WriteResult) { erased += !error; });
    }
    REQUIRE(cluster.run_until([&] { return join.is_done() && erased == 50; }));
    REQUIRE_FALSE(join.status());
    for (int i = 0; i < 100; ++i)
      CHECK(read(cluster, 0, "k" + std::to_string(i)) == (i % 2 == 0 ? "nothing" : "v"));
  }
}

TEST_CASE("keys that come and go while a large table is copied are in the end as their clients left them") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 1, .seed = seed}};
    const std::size_t joiner = cluster.add_node();
    const std::string large(8192, 'x');
    for (int i = 0; i < 2500; ++i)
      cluster.table(joiner).put("large" + std::to_string(i), large);
    Workload clients(cluster, {joiner}, {.clients = 20, .seed = seed, .pause_max = 100us});
    clients.begin();
    REQUIRE_FALSE(cluster.join_and_wait(joiner, 0));
    clients.finish();
    clients.check_everything({0, joiner});
    check_quiet(clients);
    CHECK(clients.operations() > 200);
  }
}

TEST_CASE("a join succeeds although the host cluster's leader leaves meanwhile, and the joiner's clients see nothing") {
  for (std::uint64_t seed = 1; seed <= dht::testing::seeds(60); ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 3, .seed = seed}};
    const std::size_t joiner = cluster.add_node();
    for (int i = 0; i < 2000; ++i)
      cluster.table(joiner).put("k" + std::to_string(i), "v");
    Workload clients(cluster, {joiner}, {.clients = 3, .seed = seed});
    clients.begin();
    const auto leave_delay = std::chrono::microseconds(seed * 400);
    const auto join = cluster.join(joiner, 1 + seed % 2);
    cluster.run_for(leave_delay);
    const auto leave = cluster.leave(0);
    REQUIRE(cluster.run_until([&] { return leave.is_done(); }, 60s));
    CHECK_MESSAGE(!leave.status(), leave.status().message);
    cluster.crash(0);
    REQUIRE(cluster.run_until([&] { return join.is_done(); }, 60s));
    CHECK_MESSAGE(!join.status(), join.status().message);
    clients.finish();
    clients.check_everything({1, 2, joiner});
    check_quiet(clients);
    CHECK(trouble(cluster, {1, 2, joiner}) == "");
  }
}

TEST_CASE("a key that a joiner's client deletes, and only the host has, stays") {
  Cluster cluster{{.nodes = 1}};
  const std::size_t joiner = cluster.add_node();
  cluster.table(0).put("k", "of the host");
  const auto join = cluster.join(joiner, 0);
  cluster.run_for(1ms);
  cluster.table(joiner).erase("k", [](std::error_code, dht::WriteResult) {});
  REQUIRE(cluster.run_until([&] { return join.is_done(); }));
  CHECK(read(cluster, joiner, "k") == "of the host");
}

TEST_CASE("a node already in the cluster, and a list of only itself, have nothing to do") {
  Cluster cluster{{.nodes = 2}};
  const auto before = cluster.node(0).status().map->revision;
  CHECK_FALSE(cluster.join_and_wait(1, 0));
  const auto alone = cluster.join(1, to_string(cluster.address(1)));
  REQUIRE(cluster.run_until([&] { return alone.is_done(); }));
  CHECK_FALSE(alone.status());
  CHECK(cluster.node(0).status().map->revision == before);
}

TEST_CASE("of two nodes that join each other one hosts, and both calls succeed") {
  for (std::uint64_t seed = 1; seed <= dht::testing::seeds(50); ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 1, .seed = seed}};
    const std::size_t other = cluster.add_node();
    cluster.table(0).put("a", "1");
    cluster.table(other).put("b", "2");
    const auto there = cluster.join(0, other);
    const auto here = cluster.join(other, 0);
    REQUIRE(cluster.run_until([&] { return there.is_done() && here.is_done(); }, 60s));
    CHECK_FALSE(there.status());
    CHECK_FALSE(here.status());
    CHECK(trouble(cluster, {0, other}) == "");
    CHECK(read(cluster, 0, "b") == "2");
    CHECK(read(cluster, other, "a") == "1");
  }
}

TEST_CASE("a member of one cluster that joins another leaves the first and brings its part") {
  Cluster cluster{{.nodes = 3}};
  for (int i = 0; i < 90; ++i)
    cluster.table(0).put("first-" + std::to_string(i), "1");
  const std::size_t other = cluster.add_node();
  for (int i = 0; i < 90; ++i)
    cluster.table(other).put("second-" + std::to_string(i), "2");
  const auto brought = scenario::listed_keys(cluster, 2);
  REQUIRE_FALSE(cluster.join_and_wait(2, other));
  CHECK(trouble(cluster, {0, 1}) == "");
  CHECK(trouble(cluster, {2, other}) == "");
  for (int i = 0; i < 90; ++i) {
    CHECK(read(cluster, 0, "first-" + std::to_string(i)) == "1");
    CHECK(read(cluster, 1, "second-" + std::to_string(i)) == "nothing");
    CHECK(read(cluster, 2, "second-" + std::to_string(i)) == "2");
  }
  for (const std::string& key : brought)
    CHECK(read(cluster, other, key) == "1");
}

TEST_CASE("the leader of one cluster can join another") {
  Cluster cluster{{.nodes = 3}};
  cluster.table(0).put("k", "v");
  const std::size_t other = cluster.add_node();
  REQUIRE_FALSE(cluster.join_and_wait(0, other));
  CHECK(trouble(cluster, {1, 2}) == "");
  CHECK(trouble(cluster, {0, other}) == "");
  CHECK(read(cluster, 1, "k") == "v");
}

TEST_CASE("two joins at once are both done") {
  Cluster cluster{{.nodes = 1}};
  const std::size_t first = cluster.add_node();
  const std::size_t second = cluster.add_node();
  const auto a = cluster.join(first, 0);
  const auto b = cluster.join(second, 0);
  REQUIRE(cluster.run_until([&] { return a.is_done() && b.is_done(); }, 60s));
  CHECK_FALSE(a.status());
  CHECK_FALSE(b.status());
  CHECK(trouble(cluster, {0, first, second}) == "");
}

TEST_CASE("ten idle nodes join one after the other in under five seconds together") {
  Cluster cluster{{.nodes = 1, .node = {}}};
  const auto begin = cluster.timeline().now();
  for (int i = 0; i < 9; ++i)
    REQUIRE_FALSE(cluster.join_and_wait(cluster.add_node(), 0));
  CHECK(cluster.timeline().now() - begin < 5s);
}

}  // namespace
