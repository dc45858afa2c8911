// Clusters whose nodes keep what they have on disk, and whose processes end and come back (design.md 4, 5, 6 and 7).
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
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

/// Counts what is sent to a node on the replication lane.
class Meter {
 public:
  Meter(Cluster& cluster, std::size_t node) {
    cluster.network().set_filter(
        [this, to = cluster.address(node)](const Address&, const Address& at, Lane lane, Frame frame) {
          if (at == to && lane == Lane::replication) bytes_ += frame.payload.size();
          return true;
        });
  }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

constexpr int kMany = 600;
const std::string kLong(1000, 'v');

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

TEST_CASE("a cluster that was restarted as a whole, again and again, comes to rest") {
  ClusterOptions options = durable(5, 3);
  options.node.partitions = 128;
  options.node.lease = 300ms;
  Cluster cluster(std::move(options));
  put_all(cluster, 0, 100, "a");
  for (int round = 0; round < 8; ++round) {
    CAPTURE(round);
    for (std::size_t i = 0; i < 5; ++i)
      cluster.crash(i);
    for (std::size_t i = 0; i < 5; ++i) {
      cluster.restart((i + static_cast<std::size_t>(round)) % 5);
      cluster.run_for(std::chrono::milliseconds(round * 40));
    }
    REQUIRE(cluster.run_until([&] { return is_whole(cluster); }, 30s));
    Revision revision = 0;
    Instant since{};
    const auto is_at_rest = [&] {
      const Instant now = cluster.timeline().now();
      if (std::exchange(revision, cluster.node(0).map()->revision) != cluster.node(0).map()->revision) since = now;
      return now - since > 3s;
    };
    CHECK(cluster.run_until(is_at_rest, 60s));
    CHECK(found(cluster, 4, 100, "a") == 100);
  }
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

TEST_CASE("a node that loses power when its cluster has just let it go stands alone when it is started again") {
  int let_go_before = 0;
  for (auto delay = 0us; delay < 30ms; delay += 500us) {
    CAPTURE(delay.count());
    Cluster cluster(durable(2));
    put_all(cluster, 0, 20, "a");
    const ClusterId home = cluster.node(1).map()->cluster;
    const NodeId leaver = cluster.node(0).id();
    const PendingStatus left = cluster.leave(0);
    REQUIRE(cluster.run_until([&] { return cluster.node(1).map()->find(leaver) == nullptr; }, 10s));
    cluster.run_for(delay);
    cluster.crash(0, MemoryNetwork::Crash::machine);
    cluster.run_for(2s);
    cluster.restart(0);
    const ClusterMapPtr stored = cluster.node(0).map();
    if (stored->cluster == home && stored->find(leaver) == nullptr) ++let_go_before;
    REQUIRE(cluster.run_until([&] { return cluster.node(0).is_ready(); }, 10s));
    CHECK(cluster.node(0).map()->cluster != home);
    CHECK(found(cluster, 1, 20, "a") == 20);
    REQUIRE_FALSE(cluster.join_and_wait(0, 1));
    CHECK(found(cluster, 0, 20, "a") == 20);
  }
  CHECK(let_go_before > 0);
}

TEST_CASE("a member that comes back is sent what it missed, and not what it has") {
  Cluster cluster(durable(3));
  put_all(cluster, 0, kMany, kLong);
  cluster.crash(2);
  cluster.run_for(5s);
  for (int i = 0; i < 20; ++i)
    cluster.table(0).put("key" + std::to_string(i), "new" + std::to_string(i));
  std::size_t missed = 0;
  SUBCASE("the others know what was written last") { missed = 60'000; }
  SUBCASE("the others have been restarted, too, and compare what they have with it") {
    missed = 200'000;
    for (const std::size_t other : {0U, 1U}) {
      cluster.crash(other);
      cluster.restart(other);
      REQUIRE(cluster.run_until([&] { return cluster.node(0).is_ready() && cluster.node(1).is_ready(); }, 30s));
    }
  }
  cluster.restart(2);
  const Meter meter(cluster, 2);
  REQUIRE(cluster.run_until(
      [&] { return cluster.node(2).is_ready() && is_whole(cluster) && cluster.node(2).status().serving.size() >= 10; },
      30s));
  MESSAGE("sent: ", meter.bytes(), " bytes");
  CHECK(meter.bytes() < missed);
  for (int i = 0; i < 20; ++i)
    CHECK(cluster.table(2).get("key" + std::to_string(i))->value.view() == "new" + std::to_string(i));
  CHECK(found(cluster, 2, kMany, kLong) == kMany - 20);
}

TEST_CASE("what a member wrote last and nobody was told of gives way to what the cluster has") {
  ClusterOptions options = durable(3, 11);
  options.sync_delay = options.sync_delay_max = 1ms;
  Cluster cluster(std::move(options));
  put_all(cluster, 0, 60, "a");
  // Its connections carry nothing any more, so what it takes stays with it.
  cluster.network().set_filter(
      [&](const Address& from, const Address&, Lane, Frame) { return from != cluster.address(2); });
  int unknown = 0;
  for (int i = 0; i < 60; ++i) {
    cluster.table(2).put(
        "key" + std::to_string(i), "lost" + std::to_string(i), {.deadline = 50ms},
        [&](std::error_code error, WriteResult) { unknown += error == Errc::outcome_unknown ? 1 : 0; });
  }
  cluster.run_for(200ms);
  CHECK(unknown > 0);
  cluster.crash(2);
  cluster.network().set_filter([](const Address&, const Address&, Lane, Frame) { return true; });
  cluster.run_for(5s);
  put_all(cluster, 0, 60, "b");
  cluster.restart(2);
  REQUIRE(cluster.run_until([&] { return cluster.node(2).is_ready() && is_whole(cluster); }, 60s));
  CHECK(found(cluster, 2, 60, "b") == 60);
}

TEST_CASE("members are restarted one after the other, and no request fails") {
  Cluster cluster(durable(3));
  put_all(cluster, 0, 60, "a");
  int asked = 0;
  int failed = 0;
  int answered = 0;
  const auto load = [&](std::size_t avoid) {
    for (std::size_t through = 0; through < 3; ++through) {
      if (through == avoid || !cluster.is_running(through)) continue;
      const std::string key = "key" + std::to_string(asked++ % 60);
      cluster.table(through).put(key, "load", [&, key](std::error_code error, WriteResult) {
        ++answered;
        failed += error ? 1 : 0;
        if (error) MESSAGE("put of ", key, " failed: ", error.message());
      });
      ++asked;
      cluster.table(through).get(key, [&](std::error_code error, std::optional<Entry>) {
        ++answered;
        failed += error ? 1 : 0;
      });
    }
  };
  const auto run = [&](std::size_t avoid, Function<bool()> until) {
    for (int i = 0; i < 10'000 && !until(); ++i) {
      load(avoid);
      cluster.run_for(10ms);
    }
    CHECK(until());
  };
  for (std::size_t who = 0; who < 3; ++who) {
    CAPTURE(who);
    const auto aside = cluster.step_aside(who);
    run(3, [&] { return aside.is_done(); });
    CHECK_FALSE(aside.status());
    CHECK(cluster.node(who).status().serving.empty());
    // Its own clients are answered before it ends.
    const Instant begun = cluster.timeline().now();
    run(who, [&] { return cluster.timeline().now() - begun > 500ms; });
    cluster.stop(who);
    run(who, [&] { return cluster.timeline().now() - begun > 4s; });
    cluster.restart(who);
    run(who, [&] { return cluster.node(who).is_ready() && is_whole(cluster); });
  }
  CHECK(cluster.run_until([&] { return answered == asked; }, 10s));
  CHECK(failed == 0);
  CHECK(cluster.node(0).map()->nodes.size() == 3);
}

TEST_CASE("a node whose directory is another cluster's says so, and stays what it is") {
  Cluster cluster(durable(2));
  put_all(cluster, 0, 20, "a");
  cluster.add_node();
  cluster.add_node();
  REQUIRE_FALSE(cluster.join_and_wait(3, 2));
  cluster.crash(1);
  cluster.restart(1);
  const auto join = cluster.join(1, "node2:9876,node3:9876", JoinGoal::all_peers);
  REQUIRE(cluster.run_until([&] { return join.is_done(); }, 30s));
  CHECK(join.status().code == Errc::incompatible);
  CHECK(join.status().message.find("belongs to cluster") != std::string::npos);
  REQUIRE(cluster.run_until([&] { return cluster.node(1).is_ready(); }, 30s));
  CHECK(found(cluster, 1, 20, "a") == 20);
  CHECK(cluster.node(2).map()->nodes.size() == 2);
}

TEST_CASE("a survivor that was recovered by force is restarted as what it became") {
  Cluster cluster(durable(3));
  put_all(cluster, 0, 60, "a");
  cluster.crash(0);
  cluster.crash(1);
  cluster.crash(2);
  cluster.restart(2);
  cluster.run_for(5s);
  CHECK_FALSE(cluster.node(2).is_ready());
  const auto recovery = cluster.recover(2);
  REQUIRE(cluster.run_until([&] { return recovery.is_done() && cluster.node(2).is_ready(); }, 30s));
  const int kept = found(cluster, 2, 60, "a");
  CHECK(kept > 20);
  cluster.crash(2);
  cluster.restart(2);
  REQUIRE(cluster.run_until([&] { return cluster.node(2).is_ready(); }, 30s));
  CHECK(cluster.node(2).map()->nodes.size() == 1);
  CHECK(found(cluster, 2, 60, "a") == kept);
}

TEST_CASE("a node is its id, not its address") {
  Cluster cluster(durable(3));
  put_all(cluster, 0, 60, "a");
  SUBCASE("one comes back elsewhere") {
    cluster.crash(1);
    cluster.restart_at(1, {"elsewhere", 1});
  }
  SUBCASE("all come back elsewhere, and are told where one of them is") {
    for (std::size_t i = 0; i < 3; ++i)
      cluster.crash(i);
    for (std::size_t i = 0; i < 3; ++i)
      cluster.restart_at(i, {"elsewhere" + std::to_string(i), 1});
    for (std::size_t i = 1; i < 3; ++i)
      cluster.join(i, 0);
    cluster.join(0, "elsewhere1:1,elsewhere2:1", JoinGoal::all_peers);
  }
  const auto is_known = [&](std::size_t i) {
    const NodeRecord* record = cluster.node(0).map()->find(cluster.node(i).id());
    return record != nullptr && record->address == cluster.address(i);
  };
  REQUIRE(cluster.run_until([&] { return is_whole(cluster) && is_known(0) && is_known(1) && is_known(2); }, 60s));
  CHECK(cluster.node(0).map()->nodes.size() == 3);
  CHECK(found(cluster, 2, 60, "a") == 60);
}

}  // namespace dht::testing
