// Crashes, pauses and cuts: what leases, takeover and failure detection make of them (design.md 5 and 6). There is one
// copy of each entry, so a node that is gone takes its entries along; what is shown here is that everybody agrees on
// who is gone, and that the rest goes on.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/partitioner.h>
#include <dht/testing/cluster.h>

#include "../seeds.h"
#include "support/cluster_checks.h"

namespace {

using namespace std::chrono_literals;
using dht::Errc;
using dht::NodeState;
using dht::testing::Cluster;
using dht::testing::MemoryNetwork;
using dht::testing::PendingStatus;
using scenario::is_down;
using scenario::leader_of;
using scenario::read;
using scenario::state_of;
using scenario::trouble;

const dht::NodeOptions kOneCopy{.partitions = 64, .replicas = 1};

std::size_t voters(Cluster& cluster, std::size_t seen_by) {
  const dht::ClusterMapPtr map = cluster.node(seen_by).status().map;
  return map->next_voters.empty() ? map->voters.size() : 0;
}

std::string key_of(Cluster& cluster, std::size_t node) {
  for (int i = 0;; ++i) {
    const std::string key = "k" + std::to_string(i);
    const auto map = cluster.node(node).status().map;
    const auto partition = dht::HashSlotPartitioner{}.partition_of(key, map->settings.partitions);
    if (map->partitions[partition].primary == cluster.node(node).id()) return key;
  }
}

dht::Status wait(Cluster& cluster, const PendingStatus& pending) {
  REQUIRE(cluster.run_until([&] { return pending.is_done(); }, 1min));
  return pending.status();
}

TEST_CASE("voters are the largest odd number up to five and to the number of members (design.md 5)") {
  Cluster cluster{{.nodes = 7, .node = kOneCopy}};
  const std::vector<std::size_t> wanted{1, 1, 3, 3, 5, 5, 5};
  CHECK(voters(cluster, 0) == 5);
  for (std::size_t left = 7; left > 1; --left) {
    REQUIRE_FALSE(cluster.leave_and_wait(left - 1));
    CHECK(cluster.run_until([&] { return voters(cluster, 0) == wanted[left - 2]; }, 5s));
  }
}

TEST_CASE("when the leader crashes another voter takes over, and the cluster goes on (design.md 6)") {
  for (std::uint64_t seed = 1; seed <= dht::testing::seeds(30); ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 5, .seed = seed, .node = kOneCopy}};
    const std::size_t leader = leader_of(cluster, 1);
    REQUIRE(leader < 5);
    const std::size_t other = leader == 0 ? 1 : 0;
    const std::string key = key_of(cluster, other);
    cluster.table(other).put(key, "v");
    const auto kind = seed % 2 == 0 ? MemoryNetwork::Crash::process : MemoryNetwork::Crash::machine;
    cluster.crash(leader, kind);
    REQUIRE(cluster.run_until([&] { return is_down(cluster, other, leader); }, 2500ms));
    CHECK(leader_of(cluster, other) < 5);
    CHECK(read(cluster, other, key) == "v");
    // The map can change again: somebody joins.
    const std::size_t joiner = cluster.add_node();
    CHECK_FALSE(cluster.join_and_wait(joiner, other));
  }
}

TEST_CASE("a join that begins while the leadership changes hands is done as soon as the dead leader is called down") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 5, .seed = seed, .node = kOneCopy}};
    const std::size_t leader = leader_of(cluster, 1);
    const std::size_t other = leader == 0 ? 1 : 0;
    const std::size_t joiner = cluster.add_node();
    cluster.crash(leader);
    REQUIRE(cluster.run_until([&] { return leader_of(cluster, other) < 5; }, 2500ms));
    const auto began = cluster.timeline().now();
    CHECK_FALSE(cluster.join_and_wait(joiner, other));
    CHECK(cluster.timeline().now() - began < 2500ms);
  }
}

TEST_CASE("a crashed member is called down when its lease has ended, and not before (design.md 6)") {
  Cluster cluster{{.nodes = 3, .node = kOneCopy}};
  cluster.run_for(1s);
  const std::size_t crashed = leader_of(cluster, 0) == 2 ? 1 : 2;
  const auto began = cluster.timeline().now();
  cluster.crash(crashed);
  REQUIRE(cluster.run_until([&] { return is_down(cluster, 0, crashed); }, 2s));
  const auto took = cluster.timeline().now() - began;
  CHECK(took > 700ms);
  CHECK(took < 1200ms);
}

TEST_CASE("the partitions of a crashed member are unserved, and served again when that very process speaks") {
  Cluster cluster{{.nodes = 3, .node = kOneCopy}};
  const std::string key = key_of(cluster, 2);
  cluster.table(2).put(key, "v");
  cluster.pause(2);
  REQUIRE(cluster.run_until([&] { return is_down(cluster, 0, 2); }, 4s));
  const auto status = cluster.node(0).status();
  CHECK(status.unserved == 64 - status.healthy);
  CHECK(status.unserved > 20);
  std::error_code error;
  static_cast<void>(cluster.table(0).get(key, error));
  CHECK(error == Errc::not_applied);
  static_cast<void>(cluster.table(0).put(key, "other", error));
  CHECK(error == Errc::not_applied);
  cluster.resume(2);
  REQUIRE(cluster.run_until([&] { return state_of(cluster, 0, 2) == NodeState::active; }, 4s));
  CHECK(read(cluster, 0, key) == "v");
  REQUIRE(cluster.run_until([&] { return trouble(cluster, {0, 1, 2}).empty(); }, 10s));
}

TEST_CASE("a member that is forgotten takes its entries along, and its partitions begin again with nothing") {
  Cluster cluster{{.nodes = 4, .node = kOneCopy}};
  scenario::fill(cluster, 0, "k", 200);
  const std::string lost = key_of(cluster, 3);
  cluster.crash(3);
  REQUIRE(cluster.run_until([&] { return is_down(cluster, 0, 3); }, 4s));
  CHECK(wait(cluster, cluster.forget(0, "node9")).code == Errc::invalid_argument);
  CHECK(wait(cluster, cluster.forget(0, "node1")).code == Errc::conflict);
  REQUIRE_FALSE(wait(cluster, cluster.forget(0, "node3")));
  CHECK(read(cluster, 1, lost) == "nothing");
  CHECK_NOTHROW(cluster.table(1).put(lost, "new"));
  CHECK(read(cluster, 2, lost) == "new");
  REQUIRE(cluster.run_until([&] { return trouble(cluster, {0, 1, 2}).empty(); }, 10s));
}

TEST_CASE("members may be forgotten through one node at the same time, and one more than once") {
  Cluster cluster{{.nodes = 5, .node = kOneCopy}};
  for (const std::size_t crashed : {3u, 4u})
    cluster.crash(crashed);
  REQUIRE(cluster.run_until([&] { return is_down(cluster, 1, 3) && is_down(cluster, 1, 4); }, 4s));
  const PendingStatus first = cluster.forget(1, "node3");
  const PendingStatus other = cluster.forget(1, "node4");
  const PendingStatus again = cluster.forget(1, "node3");
  for (const PendingStatus& forgotten : {first, other, again})
    CHECK_FALSE(wait(cluster, forgotten));
  CHECK(cluster.node(1).status().map->nodes.size() == 3);
  REQUIRE(cluster.run_until([&] { return trouble(cluster, {0, 1, 2}).empty(); }, 10s));
}

TEST_CASE("a member that was forgotten while it was silent stands alone with what it had") {
  Cluster cluster{{.nodes = 3, .node = kOneCopy}};
  const std::string key = key_of(cluster, 2);
  cluster.table(2).put(key, "v");
  cluster.pause(2);
  REQUIRE(cluster.run_until([&] { return is_down(cluster, 0, 2); }, 4s));
  REQUIRE_FALSE(wait(cluster, cluster.forget(0, "node2")));
  cluster.table(0).put(key, "new");
  cluster.resume(2);
  REQUIRE(cluster.run_until([&] { return cluster.node(2).status().map->nodes.size() == 1; }, 10s));
  CHECK(read(cluster, 2, key) == "v");
  CHECK(read(cluster, 0, key) == "new");
  // What was given up does not come back with it.
  REQUIRE_FALSE(cluster.join_and_wait(2, 0));
  CHECK(read(cluster, 2, key) == "new");
  CHECK(trouble(cluster, {0, 1, 2}) == "");
}

TEST_CASE("a process started again under its name is let in once its predecessor's lease has ended (design.md 6)") {
  Cluster cluster{{.nodes = 3, .node = kOneCopy}};
  cluster.run_for(1s);
  const auto began = cluster.timeline().now();
  cluster.crash(2);
  cluster.restart(2);
  REQUIRE_FALSE(cluster.join_and_wait(2, 0));
  CHECK(cluster.timeline().now() - began < 2s);
  CHECK(!wait(cluster, cluster.forget(0, "node2")));
  REQUIRE(cluster.run_until([&] { return trouble(cluster, {0, 1, 2}).empty(); }, 10s));
}

TEST_CASE("a minority that is cut off refuses, and comes back when the cut heals (design.md 6)") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 5, .seed = seed, .node = kOneCopy}};
    const std::string key = key_of(cluster, 0);
    cluster.table(0).put(key, "v");
    for (const std::size_t a : {0u, 1u}) {
      for (const std::size_t b : {2u, 3u, 4u})
        cluster.network().cut(cluster.address(a), cluster.address(b));
    }
    REQUIRE(cluster.run_until([&] { return is_down(cluster, 2, 0) && is_down(cluster, 2, 1); }, 5s));
    CHECK_FALSE(cluster.node(0).status().ready);
    CHECK_FALSE(cluster.node(1).status().ready);
    std::error_code error;
    static_cast<void>(cluster.table(0).get(key, error));
    CHECK(error == Errc::not_applied);
    CHECK(cluster.node(3).status().ready);
    cluster.network().heal();
    REQUIRE(cluster.run_until([&] { return trouble(cluster, {0, 1, 2, 3, 4}).empty(); }, 20s));
    CHECK(read(cluster, 4, key) == "v");
  }
}

TEST_CASE("a link that works one way only ends the lease of the node that hears nothing (design.md 6)") {
  Cluster cluster{{.nodes = 3, .node = kOneCopy}};
  const std::size_t leader = leader_of(cluster, 0);
  const std::size_t deaf = (leader + 1) % 3;
  cluster.network().cut_one_way(cluster.address(leader), cluster.address(deaf));
  REQUIRE(cluster.run_until([&] { return is_down(cluster, leader, deaf); }, 8s));
  CHECK_FALSE(cluster.node(deaf).status().ready);
  cluster.network().heal();
  REQUIRE(cluster.run_until([&] { return trouble(cluster, {0, 1, 2}).empty(); }, 20s));
}

TEST_CASE("survivors of a lost majority are recovered by force, one by one, and joined (design.md 5)") {
  Cluster cluster{{.nodes = 5, .node = kOneCopy}};
  scenario::fill(cluster, 0, "k", 300);
  std::vector<std::string> kept;
  for (const std::size_t survivor : {3u, 4u}) {
    for (std::string& key : scenario::listed_keys(cluster, survivor))
      kept.push_back(std::move(key));
  }
  CHECK(wait(cluster, cluster.recover(3)).code == Errc::conflict);
  for (const std::size_t i : {0u, 1u, 2u})
    cluster.crash(i);
  cluster.run_for(2s);
  CHECK_FALSE(cluster.node(3).status().ready);
  std::error_code error;
  // Its own keys, and those of the other survivor, which waits for a lease, too.
  for (const std::string& key : {kept.front(), kept.back()}) {
    static_cast<void>(cluster.table(3).put(key, "x", error));
    CHECK(error == Errc::not_applied);
  }
  for (const std::size_t survivor : {3u, 4u}) {
    REQUIRE_FALSE(wait(cluster, cluster.recover(survivor)));
    REQUIRE(cluster.run_until([&] { return cluster.node(survivor).status().ready; }, 1s));
  }
  REQUIRE_FALSE(cluster.join_and_wait(4, 3));
  for (const std::string& key : kept)
    CHECK(read(cluster, 3, key) == "v");
  CHECK(trouble(cluster, {3, 4}) == "");
}

TEST_CASE("a paused leader that comes back finds another one in its place, and follows it") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 3, .seed = seed, .node = kOneCopy}};
    const std::size_t leader = leader_of(cluster, 0);
    const std::size_t other = (leader + 1) % 3;
    cluster.pause(leader);
    REQUIRE(cluster.run_until([&] { return is_down(cluster, other, leader); }, 4s));
    cluster.resume(leader);
    REQUIRE(cluster.run_until([&] { return trouble(cluster, {0, 1, 2}).empty(); }, 10s));
    CHECK(leader_of(cluster, leader) != leader);
  }
}

TEST_CASE("a member that was away while all whom it knew have gone is found by those who have come (seed 5054371)") {
  Cluster cluster{{.nodes = 2}};
  scenario::fill(cluster, 0, "k", 100);
  const std::size_t comer = cluster.add_node();
  for (const std::size_t other : {std::size_t{0}, comer})
    cluster.network().cut(cluster.address(other), cluster.address(1));
  REQUIRE(cluster.run_until([&] { return is_down(cluster, 0, 1); }, 4s));
  REQUIRE_FALSE(cluster.join_and_wait(comer, 0));
  REQUIRE_FALSE(cluster.leave_and_wait(0));
  cluster.crash(0, MemoryNetwork::Crash::machine);
  cluster.run_for(1min);
  cluster.network().heal();
  REQUIRE(cluster.run_until([&] { return cluster.node(1).is_ready(); }, 10s));
  CHECK(cluster.node(1).status().map->leader == cluster.node(comer).id());
  CHECK(read(cluster, 1, "k7") == "v");
}

}  // namespace
