// How the leader keeps the voters. The paragraphs are those of the design: "The register" (5), "Leader and leases" (6),
// "Join and leave" (8).
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "cluster/map_change.h"
#include "leader_bench.h"

namespace dht::testing {

namespace {

using Ids = std::vector<std::uint64_t>;

std::vector<NodeId> ids(const Ids& numbers) {
  std::vector<NodeId> list;
  for (const std::uint64_t number : numbers)
    list.push_back(NodeId{number});
  return list;
}

ClusterMap with_voters(std::uint32_t nodes, const Ids& voters, const Ids& next_voters = {}) {
  ClusterMap map = even_map(nodes, 8);
  map.voters = ids(voters);
  map.next_voters = ids(next_voters);
  return map;
}

/// All nodes have heard the leader, and everything that follows from that is done.
void settle_in(LeaderBench& bench) {
  bench.pass(milliseconds(100));
  bench.run_moves();
}

struct SettledBench : LeaderBench {
  explicit SettledBench(const ClusterMap& map) : LeaderBench(map) { settle_in(*this); }
};

}  // namespace

TEST_CASE("5: a cluster that grows has one voter, then three, then five, and no more") {
  LeaderBench bench(even_map(1, 8));
  const std::vector<Ids> expected{{1}, {1}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}};
  for (std::uint64_t nodes = 2; nodes <= 7; ++nodes) {
    CAPTURE(nodes);
    bench.join_fully(nodes);
    settle_in(bench);
    CHECK(bench.map().voters == ids(expected[nodes - 1]));
    CHECK(bench.map().next_voters.empty());
  }
}

TEST_CASE("5: voters change by two maps: one names both lists, the next the new one alone") {
  LeaderBench bench(with_voters(3, {1}));
  CHECK(bench.proposed == nullptr);  // nobody has answered this leader yet
  bench.heartbeat(2);
  CHECK(bench.proposed == nullptr);
  bench.heartbeat(3);
  REQUIRE(bench.proposed != nullptr);
  CHECK(bench.proposed->voters == ids({1}));
  CHECK(bench.proposed->next_voters == ids({1, 2, 3}));
  bench.choose();
  REQUIRE(bench.proposed != nullptr);
  CHECK(bench.proposed->voters == ids({1, 2, 3}));
  CHECK(bench.proposed->next_voters.empty());
  bench.choose();
  CHECK(bench.proposed == nullptr);
}

TEST_CASE("5: a dead voter is replaced, or takes another one's vote along") {
  struct Case {
    std::uint32_t nodes;
    Ids before;
    std::uint64_t dead;
    Ids after;
  };
  for (const Case& row :
       {Case{4, {1, 2, 3}, 2, {1, 3, 4}}, Case{3, {1, 2, 3}, 2, {1}}, Case{6, {1, 2, 3, 4, 5}, 4, {1, 2, 3, 5, 6}},
        Case{5, {1, 2, 3, 4, 5}, 4, {1, 2, 3}}, Case{4, {1, 2, 3}, 4, {1, 2, 3}}, Case{2, {1}, 2, {1}}}) {
    CAPTURE(row.nodes);
    CAPTURE(row.dead);
    SettledBench bench(with_voters(row.nodes, row.before));
    REQUIRE(bench.map().voters == ids(row.before));
    bench.let_die(row.dead);
    CHECK(bench.map().voters == ids(row.after));
    bench.silent.clear();
    bench.pass(milliseconds(200));
    bench.choose_all();
    CHECK(bench.state(row.dead) == NodeState::active);
    CHECK(bench.map().voters.size() == row.before.size());
  }
}

TEST_CASE(
    "5: once voters to come are named they become the voters, whoever of them dies; only then are they changed again") {
  LeaderBench bench(with_voters(4, {1}));
  for (const std::uint64_t node : {2u, 3u, 4u})
    bench.heartbeat(node);
  REQUIRE(bench.proposed != nullptr);
  REQUIRE(bench.proposed->next_voters == ids({1, 2, 3}));
  bench.silent.push_back(3);
  bench.pass(LeaderBench::kLease + milliseconds(100));
  std::vector<std::pair<std::vector<NodeId>, std::vector<NodeId>>> seen;
  while (bench.choose())
    seen.emplace_back(bench.map().voters, bench.map().next_voters);
  REQUIRE(seen.size() >= 4);
  CHECK(seen[0] == std::pair{ids({1}), ids({1, 2, 3})});
  CHECK(seen[1] == std::pair{ids({1, 2, 3}), ids({})});
  CHECK(seen[2] == std::pair{ids({1, 2, 3}), ids({1, 2, 4})});
  CHECK(seen[3] == std::pair{ids({1, 2, 4}), ids({})});
  CHECK(bench.state(3) == NodeState::down);
}

TEST_CASE(
    "5: a change of voters that another leader began is completed by the next one, before anything else of them") {
  LeaderBench bench(with_voters(4, {1, 2, 3}, {1, 2, 4}));
  REQUIRE(bench.proposed != nullptr);
  CHECK(bench.proposed->voters == ids({1, 2, 4}));
  CHECK(bench.proposed->next_voters.empty());
}

TEST_CASE("5: a resigned leader completes a change of voters, and does nothing else") {
  LeaderBench bench(with_voters(4, {1, 2, 3}, {1, 2, 4}));
  bench.refuse(bench.leader.map());
  bench.leader.resign();
  bench.leave(3);
  REQUIRE(bench.proposed != nullptr);
  cluster::MapChange expected(bench.map());
  expected.finish_voter_change();
  CHECK(*bench.proposed == std::move(expected).finish());
  bench.choose();
  CHECK(bench.proposed == nullptr);
}

TEST_CASE("8: a member that leaves loses its vote, and is removed only then") {
  SettledBench bench(even_map(4, 8));
  bench.leave(3);
  bench.choose_all();
  CHECK(bench.state(3) == NodeState::leaving);
  CHECK_FALSE(bench.map().is_voter(NodeId{3}));
  for (int i = 0; i < 100 && bench.lists(3); ++i)
    bench.run_moves();
  CHECK(bench.map().voters == ids({1, 2, 4}));
  CHECK_FALSE(bench.lists(3));
}

TEST_CASE("8: of three members that leave one after the other each takes its vote along") {
  SettledBench bench(even_map(3, 8));
  const Ticket second = bench.leave(2);
  const Ticket third = bench.leave(3);
  for (int i = 0; i < 10; ++i) {
    bench.run_moves();
    bench.acknowledge_all();
  }
  CHECK(bench.is_ok(second));
  CHECK(bench.is_ok(third));
  CHECK(bench.map().voters == ids({1}));
  CHECK(bench.map().nodes.size() == 1);
}

TEST_CASE(
    "6: the leadership goes to a voter where one can take it, and to another member, which becomes one, where none "
    "can") {
  SettledBench bench(even_map(4, 8));
  bench.acknowledge_all();
  using Nodes = std::vector<NodeId>;
  CHECK(bench.leader.successors(bench.now) == Nodes{NodeId{2}, NodeId{3}, NodeId{4}});
  bench.let_die(2);
  bench.acknowledge_all();
  REQUIRE(bench.map().voters == ids({1, 3, 4}));
  CHECK(bench.leader.successors(bench.now) == Nodes{NodeId{3}, NodeId{4}});
  SettledBench two(even_map(2, 8));
  CHECK(two.leader.successors(two.now) == Nodes{NodeId{2}});
  cluster::MapChange change(two.map());
  change.set_leader(NodeId{2});
  const ClusterMap next = std::move(change).finish();
  CHECK(next.voters == ids({1}));
  CHECK(next.next_voters == ids({2}));
  // Node 2 completes that as soon as it leads.
  LeaderBench successor(next);
  successor.choose_all();
  CHECK(successor.map().voters == ids({2}));
}

TEST_CASE("5: a leader that does not hold its lease changes no voters, whoever seems to be dead") {
  SettledBench bench(even_map(3, 8));
  bench.is_confirmed = false;
  bench.silent = {2, 3};
  bench.pass(LeaderBench::kLease * 3);
  CHECK(bench.proposed == nullptr);
  bench.silent.clear();
  bench.is_confirmed = true;
  bench.pass(milliseconds(300));
  CHECK(bench.proposed == nullptr);
  CHECK(bench.map().voters == ids({1, 2, 3}));
}

}  // namespace dht::testing
