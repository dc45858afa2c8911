// Moves of partitions, as the leader drives them. The paragraphs are those of the design: "Replication and moves" (7).
#include <doctest/doctest.h>

#include "leader_bench.h"

namespace dht::testing {

namespace {

/// Two members of which the first holds everything: four moves of eight partitions are wanted.
ClusterMap uneven_map() {
  ClusterMap map = even_map(2, 8);
  for (PartitionRecord& record : map.partitions)
    record.primary = NodeId{1};
  return map;
}

/// A bench where exactly one move is under way: of partition 0, from node 1 to node 2.
struct OneMove : LeaderBench {
  OneMove() : LeaderBench(uneven_map(), 1) {
    choose_all();
    REQUIRE(partition(0).learners == std::vector{LearnerRecord{NodeId{2}, 2}});
    REQUIRE(cluster::learners_of(map(), NodeId{2}) == 1);
    ordered.clear();
  }
};

}  // namespace

TEST_CASE("7: a move: learner, level, order, stopped, primary of the next epoch") {
  OneMove bench;
  CHECK(bench.ordered.empty());
  bench.report_level(0);
  CHECK(bench.ordered == std::vector{std::pair{NodeId{1}, PartitionId{0}}});
  CHECK(bench.proposed == nullptr);
  CHECK(bench.partition(0).primary == NodeId{1});
  bench.report_stopped(0);
  bench.choose();
  CHECK(bench.partition(0).primary == NodeId{2});
  CHECK(bench.partition(0).epoch == 2);
  CHECK(bench.partition(0).learners.empty());
}

TEST_CASE("7: a promotion needs both: stopped in this epoch, and level for exactly this learner") {
  OneMove bench;
  SUBCASE("level of an older learner") { bench.report_of(0).level = {{NodeId{2}, 1}}; }
  SUBCASE("level of another node") { bench.report_of(0).level = {{NodeId{3}, 2}}; }
  SUBCASE("level only") { bench.report_of(0).level = bench.partition(0).learners; }
  SUBCASE("stopped in another epoch") {
    bench.report_of(0) = {.partition = 0, .epoch = 2, .stopped = true, .level = bench.partition(0).learners};
  }
  SUBCASE("told by one that is not the primary") {
    bench.reports[2].partitions = {{.partition = 0, .epoch = 1, .stopped = true, .level = bench.partition(0).learners}};
  }
  SUBCASE("of a partition that there is not") {
    bench.reports[1].partitions = {{.partition = 8, .epoch = 1, .stopped = true, .level = bench.partition(0).learners}};
  }
  bench.heartbeat(1);
  bench.heartbeat(2);
  bench.choose_all();
  CHECK(bench.partition(0).primary == NodeId{1});
  CHECK(bench.partition(0).learners == std::vector{LearnerRecord{NodeId{2}, 2}});
}

TEST_CASE("7: a newer report replaces the node's earlier one") {
  OneMove bench;
  bench.report_level(0);
  bench.reports[1].partitions.clear();
  bench.heartbeat(1);
  bench.ordered.clear();
  bench.pass(milliseconds(600));
  CHECK(bench.ordered.empty());
}

TEST_CASE("7: an order that is not heeded is repeated after a while, not at every event") {
  OneMove bench;
  bench.report_level(0);
  REQUIRE(bench.ordered.size() == 1);
  bench.pass(milliseconds(200));
  CHECK(bench.ordered.size() == 1);
  bench.pass(milliseconds(100));
  CHECK(bench.ordered.size() == 2);
  bench.report_stopped(0);
  bench.choose_all();
  bench.pass(milliseconds(600));
  CHECK(bench.ordered.size() == 2);
}

TEST_CASE(
    "7: a lost learner is removed and the move begun anew, but not at once; the pause doubles up to two seconds") {
  OneMove bench;
  for (const auto pause : {200, 400, 800, 1600, 2000, 2000}) {
    CAPTURE(pause);
    const Revision since = bench.partition(0).learners.at(0).since;
    bench.report_lost(0);
    bench.choose_all();
    REQUIRE(bench.partition(0).learners.empty());
    CHECK(bench.partition(0).epoch == 1);
    bench.pass(milliseconds(pause - 50));
    CHECK(bench.proposed == nullptr);
    bench.pass(milliseconds(50));
    bench.choose_all();
    REQUIRE(bench.partition(0).learners.size() == 1);
    CHECK(bench.partition(0).learners[0].since > since);
  }
}

TEST_CASE("7: a move that succeeds ends the pause of its target") {
  OneMove bench;
  bench.report_lost(0);
  bench.choose_all();
  bench.pass(milliseconds(200));
  bench.choose_all();
  bench.report_level(0);
  bench.report_stopped(0);
  bench.choose_all();
  REQUIRE(bench.partition(0).primary == NodeId{2});
  REQUIRE(bench.partition(1).learners.size() == 1);
  bench.report_lost(1);
  bench.choose_all();
  bench.pass(milliseconds(200));
  CHECK(bench.proposed != nullptr);
}

TEST_CASE("7: a learner lost after the order: the primary is opened again in a new epoch") {
  OneMove bench;
  bench.report_level(0);
  bench.report_lost(0);
  bench.choose_all();
  CHECK(bench.partition(0).primary == NodeId{1});
  CHECK(bench.partition(0).epoch == 2);
  CHECK(bench.partition(0).learners.empty());
}

TEST_CASE("7: a stopped primary without a level learner is opened again in a new epoch") {
  OneMove bench;
  SUBCASE("there never was a learner") {
    bench.report_of(7).stopped = true;
    bench.heartbeat(1);
    bench.choose_all();
    CHECK(bench.partition(7).epoch == 2);
    CHECK(bench.partition(7).primary == NodeId{1});
  }
  SUBCASE("the learner is not level") {
    bench.report_stopped(0);
    bench.choose_all();
    CHECK(bench.partition(0).epoch == 2);
    CHECK(bench.partition(0).primary == NodeId{1});
  }
  SUBCASE("the learner was lost since") {
    bench.report_of(0).stopped = true;
    bench.report_of(0).level = bench.partition(0).learners;
    bench.report_of(0).lost = bench.partition(0).learners;
    bench.heartbeat(1);
    bench.choose_all();
    CHECK(bench.partition(0).epoch == 2);
    CHECK(bench.partition(0).primary == NodeId{1});
  }
  const Revision settled = bench.map().revision;
  bench.heartbeat(1);  // the same report again is of a past epoch
  CHECK(bench.map().revision == settled);
}

TEST_CASE("7: a learner whose node dies is removed; what was ordered is opened again") {
  OneMove bench;
  SUBCASE("not ordered") {
    bench.let_die(2);
    bench.choose_all();
    CHECK(bench.partition(0).epoch == 1);
  }
  SUBCASE("ordered") {
    bench.report_level(0);
    bench.let_die(2);
    bench.choose_all();
    CHECK(bench.partition(0).epoch == 2);
  }
  CHECK(bench.partition(0).primary == NodeId{1});
  CHECK(bench.partition(0).learners.empty());
}

TEST_CASE("7: what a dead member holds stays with it, and nothing is given to it") {
  LeaderBench bench(uneven_map());
  bench.let_die(2);
  bench.choose_all();
  CHECK(bench.shares() == std::vector<std::uint64_t>{8, 0});
  ClusterMap map = even_map(3, 8);
  LeaderBench other(map);
  other.let_die(3);
  other.leave(2);
  other.run_moves();
  CHECK(other.shares() == std::vector<std::uint64_t>{6, 2});
}

TEST_CASE("7: a primary that dies after it has stopped: the level learner takes over; before that: it keeps it") {
  ClusterMap map = even_map(2, 8);
  for (PartitionRecord& record : map.partitions)
    record.primary = NodeId{2};
  LeaderBench bench(map, 1);
  bench.choose_all();
  REQUIRE(bench.partition(0).learners.size() == 1);
  bench.report_level(0);
  SUBCASE("after") {
    bench.report_stopped(0);
    bench.let_die(2);
    bench.choose_all();
    CHECK(bench.partition(0).primary == NodeId{1});
  }
  SUBCASE("before") {
    bench.let_die(2);
    bench.choose_all();
    CHECK(bench.partition(0).primary == NodeId{2});
    CHECK(bench.partition(0).epoch == 2);  // it may have been told to stop
  }
  CHECK(bench.partition(0).learners.empty());
}

TEST_CASE("7: no more partitions are under way to or from a node than the limit says") {
  for (const std::uint32_t limit : {1u, 3u, 64u}) {
    ClusterMap map = even_map(4, 64);
    for (PartitionRecord& record : map.partitions)
      record.primary = NodeId{1 + record.primary.value % 2};
    LeaderBench bench(map, limit);
    bench.choose();
    std::map<NodeId, std::uint32_t> under_way;
    for (const PartitionRecord& record : bench.map().partitions) {
      if (record.learners.empty()) continue;
      ++under_way[record.primary];
      ++under_way[record.learners[0].node];
    }
    for (const auto& [node, count] : under_way)
      CHECK(count == std::min(limit, 16u));
    bench.run_moves();
    CHECK(bench.shares() == std::vector<std::uint64_t>{16, 16, 16, 16});
  }
}

TEST_CASE("7: one change carries everything that is ready, and the orders to one primary go together") {
  LeaderBench bench(uneven_map());
  bench.choose_all();
  REQUIRE(cluster::learners_of(bench.map(), NodeId{2}) == 4);
  for (PartitionId p = 0; p < 4; ++p)
    bench.report_of(p).level = bench.partition(p).learners;
  bench.heartbeat(1);
  CHECK(bench.ordered.size() == 4);
  for (PartitionId p = 0; p < 4; ++p)
    bench.report_of(p).stopped = true;
  const std::size_t before = bench.changes;
  bench.heartbeat(1);
  bench.choose_all();
  CHECK(bench.changes == before + 1);
  CHECK(bench.shares() == std::vector<std::uint64_t>{4, 4});
}

TEST_CASE("7: a hand-over is not ordered for a move that the change under way undoes") {
  OneMove bench;
  bench.leave(2);
  REQUIRE(bench.proposed != nullptr);
  bench.report_level(0);
  CHECK(bench.ordered.empty());
}

}  // namespace dht::testing
