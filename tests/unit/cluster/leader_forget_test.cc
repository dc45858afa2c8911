// Giving members up, as the leader sees it. The paragraphs are those of the design: the map (4), "The register" (5),
// "Leader" (6), "Join and leave" (8).
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "leader_bench.h"

namespace dht::testing {

TEST_CASE("4: what a forgotten member held begins again with nothing, and the member is out of the map") {
  LeaderBench bench(even_map(3, 8));
  bench.let_die(3);
  const ClusterMap before = bench.map();
  REQUIRE(before.partitions[2].primary == NodeId{3});
  const Ticket ticket = bench.forget(1, "n3");
  CHECK_FALSE(bench.is_answered(ticket));
  bench.choose_all();
  CHECK_FALSE(bench.lists(3));
  for (PartitionId p = 0; p < 8; ++p) {
    CAPTURE(p);
    if (before.partitions[p].primary != NodeId{3}) {
      CHECK(bench.partition(p) == before.partitions[p]);
      continue;
    }
    CHECK(bench.partition(p).epoch == before.partitions[p].epoch + 1);
    CHECK(bench.partition(p).empty_from == bench.partition(p).epoch);
    CHECK(bench.partition(p).learners.empty());
  }
  CHECK(bench.shares() == std::vector<std::uint64_t>{4, 4});  // those that hold least are given it
}

TEST_CASE(
    "4: nothing of a member is given away before it can be taken out of the map, so it comes back with all or not") {
  // A change of voters is under way when node 3 is called down, so its vote is still to be taken from it.
  ClusterMap map = even_map(3, 8);
  map.next_voters = std::exchange(map.voters, {NodeId{1}});
  LeaderBench bench(map);
  bench.silent.push_back(3);
  bench.pass(LeaderBench::kLease + milliseconds(100));
  bench.refuse(bench.leader.map());
  bench.tick();
  bench.choose();
  REQUIRE(bench.state(3) == NodeState::down);
  bench.refuse(bench.leader.map());
  REQUIRE(bench.map().is_voter(NodeId{3}));
  const Ticket ticket = bench.forget(1, "n3");
  REQUIRE(bench.choose());
  CHECK(bench.map().is_voter(NodeId{3}));
  CHECK(cluster::primaries_of(bench.map(), NodeId{3}) == 2);
  SUBCASE("it stays away") {
    bench.choose_all();
    bench.acknowledge_all();
    CHECK(bench.is_ok(ticket));
    CHECK_FALSE(bench.lists(3));
  }
  SUBCASE("it comes back meanwhile") {
    bench.refuse(bench.leader.map());
    bench.heartbeat(3);
    bench.choose_all();
    CHECK(bench.error(ticket) == Errc::conflict);
    CHECK(says(bench.answer(ticket), "nothing was lost"));
    CHECK(bench.state(3) == NodeState::active);
    CHECK(cluster::primaries_of(bench.map(), NodeId{3}) == 2);
  }
}

TEST_CASE(
    "8: one that came back and falls silent once more is not forgotten, and has left if it was leaving (seed 90824)") {
  LeaderBench bench(even_map(4, 2));  // node 4 holds nothing and is no voter
  bench.let_die(4);
  const Ticket left = bench.leave(4);
  bench.silent.clear();
  bench.heartbeat(4);
  REQUIRE(bench.proposed->find(NodeId{4})->state == NodeState::leaving);  // not chosen yet: it can still be given up
  const Ticket forgotten = bench.forget(1, "n4");
  bench.silent.push_back(4);
  bench.pass(LeaderBench::kLease + milliseconds(100));
  REQUIRE(bench.state(4) == NodeState::down);
  bench.choose();
  CHECK(bench.error(forgotten) == Errc::conflict);
  CHECK(says(bench.answer(forgotten), "nothing was lost"));
  REQUIRE(bench.proposed != nullptr);
  CHECK(bench.proposed->find(NodeId{4})->state == NodeState::down);
  bench.choose_all();
  CHECK_FALSE(bench.is_answered(left));
  bench.silent.clear();
  bench.heartbeat(4);
  bench.choose_all();
  bench.acknowledge_all();
  CHECK(bench.is_ok(left));
  CHECK_FALSE(bench.lists(4));
}

TEST_CASE("8: a forget is answered when all members that hold a lease have acknowledged the map without the member") {
  LeaderBench bench(even_map(4, 8));
  bench.let_die(4);
  const Ticket ticket = bench.forget(2, "n4");
  bench.choose_all();
  bench.acknowledge(1);
  bench.acknowledge(2);
  CHECK_FALSE(bench.is_answered(ticket));
  bench.acknowledge(3);
  REQUIRE(bench.is_ok(ticket));
  CHECK(bench.answer(ticket).map == bench.leader.map());
}

TEST_CASE("4: only a member that is down is forgotten") {
  LeaderBench bench(even_map(3, 8));
  struct Case {
    std::string_view name;
    Errc error;
    std::string_view words;
  };
  bench.join(4);
  bench.choose_all();
  for (const Case& row : {Case{"n9", Errc::invalid_argument, "no member of this cluster is named n9"},
                          Case{"", Errc::invalid_argument, "no member"}, Case{"n2", Errc::conflict, "n2 is not down"},
                          Case{"n1", Errc::conflict, "n1 is not down"}, Case{"n4", Errc::conflict, "n4 is not down"}}) {
    CAPTURE(row.name);
    const Ticket ticket = bench.forget(2, row.name);
    REQUIRE(bench.error(ticket) == row.error);
    CHECK_FALSE(bench.answer(ticket).try_later);
    CHECK(says(bench.answer(ticket), row.words));
    CHECK(says(bench.answer(ticket), "nothing was changed"));
  }
  CHECK(bench.proposed == nullptr);
}

TEST_CASE("4: a member of which the last word is not over is not down, and not forgotten either") {
  LeaderBench bench(even_map(3, 8));
  bench.silent.push_back(3);
  bench.pass(LeaderBench::kLease - milliseconds(50));
  CHECK(bench.error(bench.forget(1, "n3")) == Errc::conflict);
  bench.pass(milliseconds(150));
  REQUIRE(bench.proposed != nullptr);  // to be called down, which is not chosen yet
  CHECK(bench.error(bench.forget(1, "n3")) == Errc::conflict);
}

TEST_CASE("4: of a name that a dead member shares with its successor the dead one is forgotten") {
  LeaderBench bench(even_map(2, 4));
  bench.let_die(2);
  auto call = LeaderBench::join_call(3);
  call.node.name = "n2";
  bench.join(call);
  bench.choose_all();
  REQUIRE(bench.map().find_name("n2")->id == NodeId{3});
  const Ticket ticket = bench.forget(1, "n2");
  bench.choose_all();
  bench.acknowledge_all();
  CHECK(bench.is_ok(ticket));
  CHECK_FALSE(bench.lists(2));
  CHECK(bench.state(3) == NodeState::joining);
}

TEST_CASE("4: what a forgotten member copied from others, and others from it, is no longer under way") {
  LeaderBench bench(even_map(3, 8), 1);
  bench.join(4);
  bench.choose_all();
  bench.activate(4);
  bench.choose_all();
  REQUIRE(cluster::learners_of(bench.map(), NodeId{4}) == 1);
  bench.let_die(4);
  const Ticket ticket = bench.forget(1, "n4");
  bench.choose_all();
  bench.acknowledge_all();
  CHECK(bench.is_ok(ticket));
  CHECK_FALSE(bench.lists(4));
  CHECK(bench.shares() == std::vector<std::uint64_t>{3, 3, 2});
}

TEST_CASE("4: it is given to alive, active members that know that they are such, and to nobody else") {
  ClusterMap map = even_map(5, 16);
  map.nodes[3].state = NodeState::leaving;
  LeaderBench bench(map);
  bench.newcomers_know = false;
  bench.join(6);
  bench.choose_all();
  bench.activate(6);
  bench.choose_all();
  REQUIRE(bench.state(6) == NodeState::active);
  bench.let_die(5);
  REQUIRE(bench.map().partitions[4].primary == NodeId{5});
  const Ticket ticket = bench.forget(1, "n5");
  bench.choose_all();
  REQUIRE_FALSE(bench.lists(5));
  const NodeId next = bench.map().partitions[4].primary;
  CHECK((next == NodeId{1} || next == NodeId{2} || next == NodeId{3}));
  CHECK_FALSE(bench.is_answered(ticket));
}

TEST_CASE("4: a forget that comes again while it runs is answered once, and one of another member goes its own way") {
  LeaderBench bench(even_map(5, 16));
  bench.let_die(4);
  bench.let_die(5);
  const Ticket first = bench.forget(2, "n4");
  const Ticket again = bench.forget(2, "n4");
  const Ticket other = bench.forget(3, "n5");
  const Ticket same = bench.forget(1, "n4");
  CHECK(bench.error(first) == Errc::conflict);
  CHECK(bench.answer(first).try_later);
  bench.choose_all();
  bench.acknowledge_all();
  for (const Ticket ticket : {again, other, same})
    CHECK(bench.is_ok(ticket));
  CHECK(bench.map().nodes.size() == 3);
}

TEST_CASE("4: one that was forgotten and joins again before everybody knew was forgotten all the same") {
  LeaderBench bench(even_map(3, 8));
  bench.let_die(3);
  const Ticket ticket = bench.forget(1, "n3");
  bench.choose_all();
  REQUIRE_FALSE(bench.lists(3));
  bench.silent.clear();
  bench.join(3);
  bench.choose_all();
  REQUIRE(bench.state(3) == NodeState::joining);
  bench.acknowledge_all();
  CHECK(bench.is_ok(ticket));
}

TEST_CASE("4: forgetting the last other member leaves a cluster of one that serves everything") {
  LeaderBench bench(even_map(2, 4));
  bench.let_die(2);
  const Ticket ticket = bench.forget(1, "n2");
  bench.choose_all();
  bench.acknowledge(1);
  CHECK(bench.is_ok(ticket));
  CHECK(bench.shares() == std::vector<std::uint64_t>{4});
}

}  // namespace dht::testing
