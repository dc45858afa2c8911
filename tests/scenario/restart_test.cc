// Clusters whose nodes keep what they have on disk, and whose processes end and come back (design.md 4, 5, 6 and 7).
#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/cluster.h>

#include "support/cluster_checks.h"

namespace dht::testing {
namespace {

using namespace std::chrono_literals;

ClusterOptions durable(std::size_t nodes, std::uint64_t seed = 7) {
  return {.nodes = nodes,
          .seed = seed,
          .node = {.partitions = 32},
          .durable = true,
          .sync_delay = 2ms,
          .sync_delay_max = 8ms};
}

void put_all(Cluster& cluster, std::size_t through, int keys, const std::string& value) {
  for (int i = 0; i < keys; ++i)
    cluster.table(through).put("key" + std::to_string(i), value + std::to_string(i));
}

int found(Cluster& cluster, std::size_t through, int keys, const std::string& value) {
  int count = 0;
  for (int i = 0; i < keys; ++i) {
    const auto entry = cluster.table(through).get("key" + std::to_string(i));
    if (entry && entry->value.view() == value + std::to_string(i)) ++count;
  }
  return count;
}

bool is_whole(Cluster& cluster) {
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (!cluster.is_running(i)) continue;
    const NodeStatus status = cluster.node(i).status();
    if (!status.ready || status.healthy != status.map->partitions.size()) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a node alone comes back as what it was, with every acknowledged write") {
  Cluster cluster(durable(1));
  put_all(cluster, 0, 50, "a");
  const NodeId id = cluster.node(0).id();
  const ClusterId home = cluster.node(0).map()->cluster;
  cluster.crash(0);
  cluster.restart(0);
  CHECK(cluster.node(0).id() == id);
  REQUIRE(cluster.run_until([&] { return cluster.node(0).is_ready(); }, 1s));
  CHECK(cluster.node(0).map()->cluster == home);
  CHECK(cluster.node(0).map()->generation > 1);
  CHECK(found(cluster, 0, 50, "a") == 50);
  put_all(cluster, 0, 50, "b");
  CHECK(found(cluster, 0, 50, "b") == 50);
}

TEST_CASE("all nodes lose power at once, and come back with every acknowledged write") {
  Cluster cluster(durable(5));
  put_all(cluster, 0, 100, "a");
  for (std::size_t i = 0; i < 5; ++i)
    cluster.crash(i, MemoryNetwork::Crash::machine);
  cluster.run_for(10s);
  for (std::size_t i = 5; i-- > 0;) {
    cluster.restart(i);
    cluster.run_for(100ms);
  }
  REQUIRE(cluster.run_until([&] { return is_whole(cluster); }, 30s));
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(found(cluster, i, 100, "a") == 100);
  put_all(cluster, 2, 100, "b");
  CHECK(found(cluster, 4, 100, "b") == 100);
}

TEST_CASE("whoever is restarted before it is missed goes on in its place") {
  for (std::size_t who = 0; who < 3; ++who) {
    CAPTURE(who);
    Cluster cluster(durable(3));
    put_all(cluster, 0, 60, "a");
    cluster.crash(who);
    cluster.run_for(20ms);
    cluster.restart(who);
    REQUIRE(cluster.run_until([&] { return is_whole(cluster); }, 30s));
    CHECK(cluster.node(0).map()->nodes.size() == 3);
    CHECK(found(cluster, who, 60, "a") == 60);
    put_all(cluster, who, 60, "b");
    CHECK(found(cluster, (who + 1) % 3, 60, "b") == 60);
  }
}

TEST_CASE("a node that comes back after it was missed is the same member, and is given its share again") {
  for (std::size_t who = 0; who < 3; ++who) {
    CAPTURE(who);
    Cluster cluster(durable(3));
    put_all(cluster, 0, 60, "a");
    const NodeId id = cluster.node(who).id();
    cluster.crash(who);
    cluster.run_for(5s);
    put_all(cluster, (who + 1) % 3, 60, "b");
    cluster.restart(who);
    REQUIRE(cluster.run_until([&] { return cluster.node(who).is_ready() && is_whole(cluster); }, 30s));
    CHECK(cluster.node(who).id() == id);
    CHECK(cluster.node(0).map()->nodes.size() == 3);
    CHECK(found(cluster, who, 60, "b") == 60);
  }
}

TEST_CASE("with one copy of everything a node's entries are there again when it is") {
  ClusterOptions options = durable(3);
  options.node.replicas = 1;
  Cluster cluster(std::move(options));
  put_all(cluster, 0, 60, "a");
  cluster.crash(1);
  cluster.run_for(5s);
  cluster.restart(1);
  REQUIRE(cluster.run_until([&] { return is_whole(cluster); }, 30s));
  CHECK(found(cluster, 0, 60, "a") == 60);
}

TEST_CASE("a node that has left, and is restarted, stands alone with what it kept") {
  Cluster cluster(durable(3));
  put_all(cluster, 0, 60, "a");
  REQUIRE_FALSE(cluster.leave_and_wait(2));
  const int kept = found(cluster, 2, 60, "a");
  CHECK(kept > 0);
  cluster.crash(2);
  cluster.restart(2);
  REQUIRE(cluster.run_until([&] { return cluster.node(2).is_ready(); }, 5s));
  CHECK(cluster.node(2).map()->nodes.size() == 1);
  CHECK(found(cluster, 2, 60, "a") == kept);
  CHECK(found(cluster, 0, 60, "a") == 60);
}

}  // namespace dht::testing
