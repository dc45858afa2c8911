// Leaves, as design.md 8 "Leave" has them.

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/testing/cluster.h>

#include "../seeds.h"
#include "support/cluster_checks.h"
#include "support/workload.h"

namespace {

using namespace std::chrono_literals;
using dht::Address;
using dht::Frame;
using dht::Lane;
using dht::testing::Cluster;
using dht::testing::PendingStatus;
using scenario::check_quiet;
using scenario::fill;
using scenario::listed_keys;
using scenario::read;
using scenario::trouble;
using scenario::Workload;

std::set<std::string> as_set(const std::vector<std::string>& keys) { return {keys.begin(), keys.end()}; }

TEST_CASE("a node that leaves keeps exactly what it had listed, and the others see everything") {
  for (const std::size_t leaver : {std::size_t{0}, std::size_t{2}}) {
    CAPTURE(leaver);  // node 0 leads
    Cluster cluster{{.nodes = 4}};
    fill(cluster, 0, "k", 300);
    const auto listed = as_set(listed_keys(cluster, leaver));
    REQUIRE_FALSE(cluster.leave_and_wait(leaver));
    std::vector<std::size_t> others;
    for (std::size_t node = 0; node < 4; ++node) {
      if (node != leaver) others.push_back(node);
    }
    CHECK(trouble(cluster, others) == "");
    for (const std::size_t node : others) {
      CHECK(cluster.node(node).peers().size() == 3);
      for (int i = 0; i < 300; ++i)
        CHECK(read(cluster, node, "k" + std::to_string(i)) == "v");
    }
    CHECK(cluster.node(leaver).peers() == std::vector<std::string>{cluster.node(leaver).name()});
    CHECK(as_set(listed_keys(cluster, leaver)) == listed);
    CHECK_FALSE(listed.empty());
    CHECK(trouble(cluster, {leaver}) == "");
  }
}

TEST_CASE("a node that comes back brings what it wrote alone, and nothing that was changed or deleted meanwhile") {
  for (const bool leaver_joins : {true, false}) {
    for (const std::size_t leaver : {std::size_t{0}, std::size_t{1}}) {
      CAPTURE(leaver_joins);  // else the one that stayed joins the one that left
      CAPTURE(leaver);
      const std::size_t stayer = 1 - leaver;
      Cluster cluster{{.nodes = 2}};
      fill(cluster, 0, "k", 100);
      const auto kept = listed_keys(cluster, leaver);
      REQUIRE(kept.size() > 10);
      REQUIRE_FALSE(cluster.leave_and_wait(leaver));
      cluster.table(stayer).put(kept[0], "changed");
      cluster.table(stayer).erase(kept[1]);
      cluster.table(leaver).put("written alone", "w");
      cluster.table(leaver).put(kept[2], "changed alone");
      const dht::Status joined =
          leaver_joins ? cluster.join_and_wait(leaver, stayer) : cluster.join_and_wait(stayer, leaver);
      REQUIRE_FALSE(joined);
      for (const std::size_t node : {leaver, stayer}) {
        CHECK(read(cluster, node, kept[0]) == "changed");
        CHECK(read(cluster, node, kept[1]) == "nothing");
        CHECK(read(cluster, node, kept[2]) == "changed alone");
        CHECK(read(cluster, node, kept[3]) == "v");
        CHECK(read(cluster, node, "written alone") == "w");
      }
      CHECK(trouble(cluster, {0, 1}) == "");
    }
  }
}

TEST_CASE("the only member has nothing to leave") {
  Cluster cluster{{.nodes = 1}};
  cluster.table(0).put("k", "v");
  const auto id = cluster.node(0).status().map->cluster;
  CHECK_FALSE(cluster.leave_and_wait(0));
  CHECK(cluster.node(0).status().map->cluster == id);
  CHECK(read(cluster, 0, "k") == "v");
}

TEST_CASE("all leave one after the other, the leader first each time") {
  Cluster cluster{{.nodes = 5}};
  fill(cluster, 0, "k", 100);
  for (std::size_t leaver = 0; leaver < 4; ++leaver) {
    REQUIRE_FALSE(cluster.leave_and_wait(leaver));
    for (int i = 0; i < 100; ++i)
      CHECK(read(cluster, 4, "k" + std::to_string(i)) == "v");
  }
  CHECK(trouble(cluster, {4}) == "");
}

TEST_CASE("clients of the others work through a leave without an error or a wrong answer") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 4, .seed = seed}};
    const std::size_t leaver = seed % 4;
    std::vector<std::size_t> others;
    for (std::size_t node = 0; node < 4; ++node) {
      if (node != leaver) others.push_back(node);
    }
    Workload workload(cluster, {0, 1, 2, 3}, {.clients = 6, .seed = seed});
    workload.begin();
    cluster.run_for(100ms);
    workload.use(others);  // what is under way through the leaver goes on
    REQUIRE_FALSE(cluster.leave_and_wait(leaver));
    cluster.run_for(100ms);
    workload.finish();
    workload.check_everything(others);
    check_quiet(workload);
    CHECK(trouble(cluster, others) == "");
  }
}

TEST_CASE(
    "the path of SIGTERM: a node leaves and its process ends, one after the other, and clients of the rest see "
    "nothing") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 4, .seed = seed}};
    Workload workload(cluster, {0, 1, 2, 3}, {.clients = 6, .seed = seed});
    workload.begin();
    std::vector<std::size_t> rest{0, 1, 2, 3};
    while (rest.size() > 1) {
      cluster.run_for(30ms);
      const std::size_t stopped = rest[seed % rest.size()];
      std::erase(rest, stopped);
      workload.use(rest);
      REQUIRE_FALSE(cluster.leave_and_wait(stopped));
      cluster.run_for(50ms);  // as dhtd does, which answers what members had sent before they knew
      cluster.stop(stopped);
    }
    cluster.run_for(30ms);
    workload.finish();
    workload.check_everything(rest);
    check_quiet(workload);
    CHECK(trouble(cluster, rest) == "");
  }
}

TEST_CASE("clients of the leaving node itself see the cluster's table until it has left") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 3, .seed = seed}};
    Workload workload(cluster, {seed % 3}, {.clients = 6, .seed = seed});
    workload.begin();
    cluster.run_for(50ms);
    const auto leave = cluster.leave(seed % 3);
    cluster.run_until([&] { return cluster.node(seed % 3).status().map->nodes.size() == 1 || leave.is_done(); });
    // From here on the node's table is its own; what was begun before ends in the cluster.
    workload.finish();
    REQUIRE(cluster.run_until([&] { return leave.is_done(); }));
    CHECK_FALSE(leave.status());
    check_quiet(workload);
  }
}

TEST_CASE("clients of one of two nodes that leaves see nothing, also where its answer is quicker than the last map") {
  for (std::uint64_t seed = 1; seed <= dht::testing::seeds(60); ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 2, .seed = seed, .network = {.latency_max = 5ms}}};
    Workload workload(cluster, {1}, {.clients = 8, .seed = seed, .pause_max = 200us});
    workload.begin();
    cluster.run_for(20ms);
    const auto leave = cluster.leave(1);
    cluster.run_until([&] { return cluster.node(1).status().map->nodes.size() == 1 || leave.is_done(); });
    // From here on the node's table is its own; what was begun before ends in the cluster.
    workload.finish();
    REQUIRE(cluster.run_until([&] { return leave.is_done(); }));
    CHECK_FALSE(leave.status());
    check_quiet(workload);
  }
}

TEST_CASE("a leader leaves although the answer of its successor is lost, and that one hands the leadership on") {
  for (const bool successor_leaves : {false, true}) {
    CAPTURE(successor_leaves);
    Cluster cluster{{.nodes = 4}};
    std::optional<std::size_t> successor;
    std::optional<PendingStatus> second;
    cluster.network().set_filter([&](const Address& from, const Address& to, Lane lane, Frame) {
      if (successor || lane != Lane::control || to != cluster.address(0)) return true;
      for (std::size_t i = 1; i < 4; ++i) {
        const auto map = cluster.node(i).status().map;
        if (from == cluster.address(i) && map->leader == cluster.node(i).id()) successor = i;
      }
      if (!successor) return true;
      if (successor_leaves) second = cluster.leave(*successor);
      return false;
    });
    const auto leave = cluster.leave(0);
    REQUIRE(cluster.run_until([&] { return leave.is_done() && (!successor_leaves || second); }, 60s));
    CHECK_MESSAGE(!leave.status(), leave.status().message);
    CHECK(successor);
    std::vector<std::size_t> rest{1, 2, 3};
    if (second) {
      REQUIRE(cluster.run_until([&] { return second->is_done(); }, 60s));
      CHECK_FALSE(second->status());
      std::erase(rest, *successor);
    }
    CHECK(trouble(cluster, rest) == "");
  }
}

TEST_CASE("a leave during a join, and a join during a leave, are refused and change nothing") {
  Cluster cluster{{.nodes = 2}};
  const std::size_t joiner = cluster.add_node();
  for (int i = 0; i < 500; ++i)
    cluster.table(joiner).put("k" + std::to_string(i), "v");
  const auto join = cluster.join(joiner, 0);
  const auto refused_leave = cluster.leave(joiner);
  REQUIRE(cluster.run_until([&] { return refused_leave.is_done(); }));
  CHECK(refused_leave.status().code == dht::Errc::conflict);
  CHECK_FALSE(refused_leave.status().message.empty());
  REQUIRE(cluster.run_until([&] { return join.is_done(); }));
  CHECK_FALSE(join.status());

  const auto leave = cluster.leave(joiner);
  const auto refused_join = cluster.join(joiner, "elsewhere:1");
  REQUIRE(cluster.run_until([&] { return leave.is_done() && refused_join.is_done(); }));
  CHECK(refused_join.status().code == dht::Errc::conflict);
  CHECK_FALSE(leave.status());
}

TEST_CASE("the same call again attaches to the one under way") {
  Cluster cluster{{.nodes = 1}};
  const std::size_t joiner = cluster.add_node();
  const auto first = cluster.join(joiner, 0);
  const auto second = cluster.join(joiner, 0);
  const auto other = cluster.join(joiner, "elsewhere:1");
  REQUIRE(cluster.run_until([&] { return first.is_done() && second.is_done() && other.is_done(); }));
  CHECK_FALSE(first.status());
  CHECK_FALSE(second.status());
  CHECK(other.status().code == dht::Errc::conflict);
  const auto leave = cluster.leave(joiner);
  const auto again = cluster.leave(joiner);
  REQUIRE(cluster.run_until([&] { return leave.is_done() && again.is_done(); }));
  CHECK_FALSE(leave.status());
  CHECK_FALSE(again.status());
}

/// The node ends soon after it has left; the one that wanted to join it has lost nothing.
void end_and_check(Cluster& cluster, std::size_t leaving, const PendingStatus& leave, dht::Duration delay,
                   std::size_t joiner, const PendingStatus& join) {
  REQUIRE(cluster.run_until([&] { return leave.is_done(); }));
  REQUIRE_FALSE(leave.status());
  cluster.run_for(delay);
  cluster.network().set_filter({});
  cluster.crash(leaving);
  REQUIRE(cluster.run_until([&] { return join.is_done(); }));
  for (int i = 0; i < 30; ++i)
    CHECK(read(cluster, joiner, "k" + std::to_string(i)) == "v");
}

TEST_CASE("a node that leaves for good joins nobody from then on, whatever came before") {
  Cluster cluster{{.nodes = 2}};
  const std::size_t stopping = cluster.add_node();
  fill(cluster, 0, "k", 100);
  const auto leave = cluster.leave_for_good(stopping);
  const auto join = cluster.join(stopping, 0);
  REQUIRE(cluster.run_until([&] { return leave.is_done() && join.is_done(); }));
  CHECK_FALSE(leave.status());
  CHECK(join.status().code == dht::Errc::stopped);
  CHECK_FALSE(join.status().message.empty());
  CHECK(trouble(cluster, {0, 1}) == "");
}

TEST_CASE("a node that leaves for good lets nobody join it at the last moment, so nothing of theirs ends with it") {
  for (std::uint64_t seed = 1; seed <= dht::testing::seeds(200); ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 1, .seed = seed}};
    const std::size_t joiner = cluster.add_node();
    for (int i = 0; i < 30; ++i)
      cluster.table(joiner).put("k" + std::to_string(i), "v");
    const auto join = cluster.join(joiner, 0);
    cluster.run_for(std::chrono::microseconds(20) * seed);
    const auto leave = cluster.leave_for_good(0);
    end_and_check(cluster, 0, leave, std::chrono::milliseconds(seed % 50), joiner, join);
  }
}

TEST_CASE("a node that leaves for good just after a call came waits for the change of the map that the call began") {
  for (int chosen_call = 1; chosen_call <= 4; ++chosen_call) {
    CAPTURE(chosen_call);
    Cluster cluster{{.nodes = 1}};
    const std::size_t joiner = cluster.add_node();
    for (int i = 0; i < 30; ++i)
      cluster.table(joiner).put("k" + std::to_string(i), "v");
    std::optional<PendingStatus> leave;
    int calls = 0;
    cluster.network().set_filter([&](const Address&, const Address& to, Lane lane, Frame) {
      if (lane != Lane::control || to != cluster.address(0) || ++calls != chosen_call) return true;
      // Runs when the node has the call and has not carried out yet what came of it.
      cluster.scheduler(0).post([&] { leave = cluster.leave_for_good(0); });
      return true;
    });
    const auto join = cluster.join(joiner, 0);
    REQUIRE(cluster.run_until([&] { return leave.has_value(); }));
    end_and_check(cluster, 0, *leave, 20ms, joiner, join);
  }
}

TEST_CASE("several leave at once, and nothing is lost") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 5, .seed = seed}};
    fill(cluster, 0, "k", 200);
    const auto a = cluster.leave(0);
    const auto b = cluster.leave(1);
    const auto c = cluster.leave(2);
    REQUIRE(cluster.run_until([&] { return a.is_done() && b.is_done() && c.is_done(); }, 120s));
    for (const auto& leave : {a, b, c})
      CHECK_MESSAGE(!leave.status(), leave.status().message);
    CHECK(trouble(cluster, {3, 4}) == "");
    for (int i = 0; i < 200; ++i)
      CHECK(read(cluster, 3, "k" + std::to_string(i)) == "v");
  }
}

}  // namespace
