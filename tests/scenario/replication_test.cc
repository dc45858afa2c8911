// Crashes, pauses and cuts of clusters that keep several copies: what was acknowledged is there, and clients wait no
// longer than a failover takes (design.md 7).

#include <chrono>
#include <cstddef>
#include <string>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/partitioner.h>
#include <dht/testing/cluster.h>

#include "support/cluster_checks.h"

namespace {

using namespace std::chrono_literals;
using dht::Errc;
using dht::testing::Cluster;
using dht::testing::MemoryNetwork;

constexpr int kKeys = 60;

Cluster make(std::size_t nodes, std::uint32_t replicas, std::uint64_t seed = 1) {
  return Cluster{{.nodes = nodes, .seed = seed, .node = {.partitions = 16, .replicas = replicas}}};
}

std::string key(int i) { return "key" + std::to_string(i); }

void put_all(Cluster& cluster, std::size_t node, const std::string& value) {
  for (int i = 0; i < kKeys; ++i)
    REQUIRE(cluster.table(node).put(key(i), value).version != 0);
}

/// Whether every key has this value, asked for on a node.
bool all_are(Cluster& cluster, std::size_t node, const std::string& value) {
  for (int i = 0; i < kKeys; ++i) {
    const auto entry = cluster.table(node).get(key(i));
    if (!entry || entry->value.view() != value) return false;
  }
  return true;
}

bool is_whole(Cluster& cluster, std::size_t node) {
  const auto status = cluster.node(node).status();
  return status.unserved == 0 && status.under_replicated == 0 && status.moving == 0;
}

void await_whole(Cluster& cluster, std::size_t node) {
  REQUIRE(cluster.run_until([&] { return is_whole(cluster, node); }, 1min));
}

std::size_t leader_of(Cluster& cluster) {
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (cluster.is_running(i) && cluster.node(i).id() == cluster.node(i).status().map->leader) return i;
  }
  return cluster.size();
}

TEST_CASE("two copies survive the crash of any member, the leader included, and are two again") {
  for (std::size_t victim = 0; victim < 3; ++victim) {
    CAPTURE(victim);
    Cluster cluster = make(3, 2);
    await_whole(cluster, 0);
    put_all(cluster, 0, "1");
    cluster.crash(victim, MemoryNetwork::Crash::machine);
    const std::size_t left = (victim + 1) % 3;
    CHECK(all_are(cluster, left, "1"));
    put_all(cluster, left, "2");
    await_whole(cluster, left);
    CHECK(all_are(cluster, (victim + 2) % 3, "2"));
  }
}

TEST_CASE("partitions of a crashed member serve again within two and a half leases, the leader's included") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Cluster cluster = make(5, 2, seed);
    await_whole(cluster, 0);
    const std::size_t victim = seed % 2 == 0 ? leader_of(cluster) : (leader_of(cluster) + 1) % 5;
    const std::size_t left = (victim + 1) % 5;
    const dht::Instant killed = cluster.timeline().now();
    cluster.crash(victim, MemoryNetwork::Crash::machine);
    const auto dead = [&] {
      const auto map = cluster.node(left).status().map;
      for (const auto& partition : map->partitions) {
        const auto* primary = map->find(partition.primary);
        if (primary == nullptr || primary->name == "node" + std::to_string(victim)) return false;
      }
      return true;
    };
    REQUIRE(cluster.run_until(dead, 10s));
    CHECK(cluster.timeline().now() - killed < 2500ms);
    for (int i = 0; i < kKeys; ++i)
      CHECK(cluster.table(left).put(key(i), "1").version != 0);
    CHECK(cluster.timeline().now() - killed < 2500ms);
  }
}

TEST_CASE("three copies survive two crashes one after the other") {
  Cluster cluster = make(5, 3);
  await_whole(cluster, 0);
  put_all(cluster, 0, "1");
  cluster.crash(1, MemoryNetwork::Crash::process);
  cluster.run_for(3s);
  cluster.crash(2, MemoryNetwork::Crash::process);
  CHECK(all_are(cluster, 0, "1"));
  await_whole(cluster, 0);
  CHECK(all_are(cluster, 4, "1"));
}

TEST_CASE("a backup that cannot be reached holds writes up for no longer than a lease, and reads not at all") {
  Cluster cluster = make(3, 2);
  await_whole(cluster, 0);
  put_all(cluster, 0, "1");
  const std::size_t leader = leader_of(cluster);
  const std::size_t a = (leader + 1) % 3;
  const std::size_t b = (leader + 2) % 3;
  cluster.network().cut(cluster.address(a), cluster.address(b));
  for (int i = 0; i < kKeys; ++i) {
    const dht::Instant start = cluster.timeline().now();
    REQUIRE(cluster.table(leader).put(key(i), "2").version != 0);
    CHECK(cluster.timeline().now() - start < 1s);
  }
  CHECK(all_are(cluster, leader, "2"));
  CHECK(cluster.node(leader).status().unserved == 0);
}

TEST_CASE("a member that was suspended for longer than its lease gives no old answer when it goes on") {
  Cluster cluster = make(3, 2);
  await_whole(cluster, 0);
  put_all(cluster, 0, "1");
  const std::size_t paused = (leader_of(cluster) + 1) % 3;
  const std::size_t other = (paused + 1) % 3;
  cluster.pause(paused);
  put_all(cluster, other, "2");
  cluster.resume(paused);
  CHECK(all_are(cluster, paused, "2"));
  await_whole(cluster, other);
  CHECK(all_are(cluster, paused, "2"));
}

TEST_CASE("where all copies are gone a key is refused, until an operator accepts the loss") {
  Cluster cluster = make(5, 2);
  await_whole(cluster, 0);
  put_all(cluster, 0, "1");
  const auto map = cluster.node(0).status().map;
  const std::size_t leader = leader_of(cluster);
  std::size_t first = (leader + 1) % 5;
  std::size_t second = (leader + 2) % 5;
  cluster.crash(first, MemoryNetwork::Crash::process);
  cluster.crash(second, MemoryNetwork::Crash::process);
  REQUIRE(cluster.run_until([&] { return cluster.node(leader).status().under_replicated == 0; }, 20s));
  cluster.run_for(5s);
  const auto status = cluster.node(leader).status();
  for (dht::PartitionId p = 0; p < status.map->partitions.size(); ++p) {
    const auto holds = [&](std::size_t node) {
      const dht::NodeRecord* record = map->find_name("node" + std::to_string(node));
      const auto& was = map->partitions[p];
      return was.primary == record->id || was.backups.front() == record->id;
    };
    const auto* primary = status.map->find(status.map->partitions[p].primary);
    CHECK((primary->state == dht::NodeState::down) == (holds(first) && holds(second)));
  }
  for (const std::size_t gone : {first, second}) {
    auto forgotten = cluster.forget(leader, "node" + std::to_string(gone));
    REQUIRE(cluster.run_until([&] { return forgotten.is_done(); }, 1min));
    CHECK_FALSE(forgotten.status());
  }
  await_whole(cluster, leader);
  put_all(cluster, leader, "2");
  CHECK(all_are(cluster, (leader + 3) % 5, "2"));
}

TEST_CASE("with one copy nothing of this costs anything: a listing names each key once, whatever the copies") {
  for (const std::uint32_t replicas : {1u, 2u, 3u}) {
    CAPTURE(replicas);
    Cluster cluster = make(3, replicas);
    await_whole(cluster, 0);
    put_all(cluster, 0, "1");
    std::size_t entries = 0;
    for (const auto& member : cluster.node(0).status().members)
      entries += member.name == "node0" ? member.entries : 0;
    for (std::size_t i = 1; i < 3; ++i) {
      for (const auto& member : cluster.node(i).status().members) {
        if (member.name == "node" + std::to_string(i)) entries += member.entries;
      }
    }
    CHECK(entries == kKeys);
    for (const auto& partition : cluster.node(0).status().map->partitions)
      CHECK(partition.backups.size() == replicas - 1);
  }
}

}  // namespace
