// Leaving, as the leader sees it. The paragraphs are those of the design: "Join and leave" (8).
#include <doctest/doctest.h>

#include "aborts.h"
#include "leader_bench.h"

namespace dht::testing {

TEST_CASE("8: a leave: everything moves away, the node is removed, and it is answered when all alive members know") {
  LeaderBench bench(even_map(3, 8));
  const Ticket ticket = bench.leave(3);
  bench.choose();
  CHECK(bench.state(3) == NodeState::leaving);
  bench.run_moves();
  CHECK_FALSE(bench.lists(3));
  CHECK(bench.shares() == std::vector<std::uint64_t>{4, 4});
  CHECK_FALSE(bench.is_answered(ticket));
  bench.acknowledge(1);
  CHECK_FALSE(bench.is_answered(ticket));
  bench.acknowledge(2);
  CHECK(bench.is_ok(ticket));
  CHECK(bench.leader.operations(bench.now).empty());
}

TEST_CASE("8: the last map that lists a leaving node shows it without partitions") {
  LeaderBench bench(even_map(2, 1));
  bench.leave(2);
  bench.choose();  // it holds nothing: no move is needed
  CHECK(bench.state(2) == NodeState::leaving);
  CHECK(std::count(bench.pushed.begin(), bench.pushed.end(), NodeId{2}) == 1);
  bench.choose();
  CHECK_FALSE(bench.lists(2));
}

TEST_CASE("8: a leave is safe to repeat: attached while it runs, a success when it is done") {
  LeaderBench bench(even_map(3, 8));
  const Ticket first = bench.leave(3);
  bench.choose();
  const Ticket second = bench.leave(3);
  CHECK(bench.error(first) == Errc::conflict);
  CHECK(bench.answer(first).try_later);
  bench.run_moves();
  bench.acknowledge_all();
  CHECK(bench.is_ok(second));
  CHECK(bench.is_ok(bench.leave(3)));
  CHECK(bench.is_ok(bench.leave(99)));
}

TEST_CASE("8: even a node that is out already is answered only when all alive members know") {
  LeaderBench bench(even_map(3, 8));
  bench.leave(3);
  bench.run_moves();
  const Ticket again = bench.leave(3);
  CHECK_FALSE(bench.is_answered(again));
  bench.let_die(2);
  bench.acknowledge(1);
  CHECK(bench.is_ok(again));  // the silent one is not waited for
}

TEST_CASE("8: leaves go one at a time, in the order of their arrival") {
  LeaderBench bench(even_map(4, 16));
  const Ticket third = bench.leave(3);
  const Ticket second = bench.leave(2);
  const Ticket fourth = bench.leave(4);
  bench.choose_all();
  CHECK(bench.state(3) == NodeState::leaving);
  CHECK(bench.state(2) == NodeState::active);
  CHECK(bench.state(4) == NodeState::active);
  bench.run_moves();
  CHECK(bench.map().nodes.size() == 1);
  CHECK(bench.shares() == std::vector<std::uint64_t>{16});
  bench.acknowledge_all();
  CHECK(bench.is_ok(third));
  CHECK(bench.is_ok(second));
  CHECK(bench.is_ok(fourth));
}

TEST_CASE("8: a leaving node that falls silent does not hold up the next one, and goes on when it speaks again") {
  LeaderBench bench(even_map(4, 16));
  const Ticket silent = bench.leave(4);
  bench.choose_all();
  const Ticket next = bench.leave(3);
  CHECK(bench.state(3) == NodeState::active);
  bench.let_die(4);
  bench.choose_all();
  CHECK(bench.state(3) == NodeState::leaving);
  bench.run_moves();
  bench.acknowledge_all();
  CHECK(bench.is_ok(next));
  CHECK_FALSE(bench.is_answered(silent));
  CHECK(bench.state(4) == NodeState::down);
  bench.silent.clear();
  bench.heartbeat(4);
  bench.run_moves();
  bench.acknowledge_all();
  CHECK(bench.is_ok(silent));
  CHECK_FALSE(bench.lists(4));
}

TEST_CASE("8: a joining node does not leave, it gives up") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  bench.choose_all();
  CHECK(bench.error(bench.leave(3)) == Errc::conflict);
  CHECK(bench.state(3) == NodeState::joining);
}

TEST_CASE("8: where no active member is left to take over, the leave is refused and called off") {
  ClusterMap map = even_map(3, 8);
  map.nodes[2].state = NodeState::leaving;
  map.leader = NodeId{3};
  map.voters = {NodeId{3}};
  SUBCASE("before it began") {
    LeaderBench bench(map);
    bench.let_die(2);
    const Ticket ticket = bench.leave(1);
    bench.choose_all();
    CHECK(bench.error(ticket) == Errc::not_applied);
    CHECK(bench.state(1) == NodeState::active);
  }
  SUBCASE("under way") {
    map.nodes[0].state = NodeState::leaving;
    LeaderBench bench(map);
    const Ticket ticket = bench.leave(1);
    bench.choose_all();
    bench.let_die(2);
    bench.choose_all();
    CHECK(bench.error(ticket) == Errc::not_applied);
    CHECK(bench.state(1) == NodeState::active);
  }
}

TEST_CASE("8: moves to a node that begins to leave are undone") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  bench.choose_all();
  bench.activate(3);
  bench.choose_all();
  REQUIRE(cluster::learners_of(bench.map(), NodeId{3}) == 2);
  const Ticket ticket = bench.leave(3);
  bench.choose_all();
  CHECK_FALSE(bench.lists(3));
  bench.acknowledge_all();
  CHECK(bench.is_ok(ticket));
  CHECK(bench.shares() == std::vector<std::uint64_t>{4, 4});
}

TEST_CASE("8: a leave tells how far it is") {
  LeaderBench bench(even_map(2, 8), 1);
  const Instant begun = bench.now;
  bench.leave(2);
  bench.choose_all();
  bench.now = begun + milliseconds(70);
  CHECK(bench.leader.operations(bench.now) == std::vector{wire::OperationReport{false, NodeId{2}, "n2", 0, 4, 70}});
  for (PartitionId p = 0; p < 8; ++p) {
    if (bench.partition(p).learners.empty()) continue;
    bench.report_level(p);
    bench.report_stopped(p);
    bench.choose();
    break;
  }
  CHECK(bench.leader.operations(bench.now) == std::vector{wire::OperationReport{false, NodeId{2}, "n2", 1, 4, 70}});
}

TEST_CASE("8: a node that has left and joined again leaves again") {
  LeaderBench bench(even_map(2, 8));
  const Ticket first = bench.leave(2);
  bench.run_moves();  // nobody has acknowledged yet
  CHECK_FALSE(bench.is_answered(first));
  bench.join(2);
  bench.choose_all();
  bench.activate(2);
  bench.run_moves();
  CHECK(bench.state(2) == NodeState::active);
  const Ticket second = bench.leave(2);
  CHECK_FALSE(bench.is_ok(second));
  bench.run_moves();
  bench.acknowledge_all();
  CHECK(bench.is_ok(second));
  CHECK_FALSE(bench.lists(2));
}

TEST_CASE("a new leader goes on with the leaves that the map shows") {
  ClusterMap map = even_map(3, 8);
  map.nodes[2].state = NodeState::leaving;
  LeaderBench bench(map);
  bench.run_moves();
  CHECK_FALSE(bench.lists(3));
  bench.acknowledge_all();
  CHECK(bench.is_ok(bench.leave(3)));
}

TEST_CASE("8: the leader hands the leadership over before it leaves") {
  CHECK(aborts([] {
    LeaderBench bench(even_map(2, 8));
    bench.leave(1);
  }));
}

}  // namespace dht::testing
