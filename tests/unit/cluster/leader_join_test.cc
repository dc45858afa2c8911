// Joining, as the leader sees it. The paragraphs are those of the design: "Join and leave" (8), "Leader" (6), the map
// (4).
#include <string>

#include <doctest/doctest.h>

#include "leader_bench.h"

namespace dht::testing {

TEST_CASE("8: a newcomer is listed as joining, and answered with the map once that is chosen") {
  LeaderBench bench(even_map(2, 8));
  const Ticket ticket = bench.join(3);
  CHECK_FALSE(bench.is_answered(ticket));
  CHECK_FALSE(bench.lists(3));
  REQUIRE(bench.choose());
  REQUIRE(bench.is_ok(ticket));
  CHECK(bench.answer(ticket).map->find(NodeId{3})->state == NodeState::joining);
  CHECK(bench.answer(ticket).map->find(NodeId{3})->address == node_record(3).address);
  CHECK_FALSE(bench.choose());
}

TEST_CASE("8: a newcomer told other settings is refused with both numbers; one told the same or none is let in") {
  LeaderBench bench(even_map(2, 8));
  auto call = LeaderBench::join_call(3);
  call.partitions = 16;
  const Ticket partitions = bench.join(call);
  CHECK(bench.error(partitions) == Errc::incompatible);
  CHECK_FALSE(bench.answer(partitions).try_later);
  CHECK(says(bench.answer(partitions), "told 16 partitions"));
  CHECK(says(bench.answer(partitions), "founded with 8"));
  call.partitions = 8;
  call.replicas = 3;
  const Ticket replicas = bench.join(call);
  CHECK(bench.error(replicas) == Errc::incompatible);
  CHECK(says(bench.answer(replicas), "copies"));
  CHECK(bench.proposed == nullptr);
  call.replicas = 1;
  const Ticket same = bench.join(call);
  bench.choose_all();
  CHECK(bench.is_ok(same));
}

TEST_CASE("8: a clock more than a minute ahead is refused; one that is behind, or ahead by less, is not") {
  LeaderBench bench(even_map(1, 8));
  auto call = LeaderBench::join_call(2);
  call.wall_ms = LeaderBench::kWallMs + 60'001;
  const Ticket ahead = bench.join(call);
  CHECK(bench.error(ahead) == Errc::incompatible);
  CHECK(says(bench.answer(ahead), "60 seconds ahead"));
  call.wall_ms = LeaderBench::kWallMs + 60'000;
  const Ticket barely = bench.join(call);
  bench.choose_all();
  CHECK(bench.is_ok(barely));
  call = LeaderBench::join_call(3);
  call.wall_ms = 5;
  const Ticket behind = bench.join(call);
  bench.choose_all();
  CHECK(bench.is_ok(behind));
}

TEST_CASE("8: a join without id, valid name or address is refused") {
  LeaderBench bench(even_map(1, 8));
  auto call = LeaderBench::join_call(2);
  SUBCASE("id") { call.node.id = {}; }
  SUBCASE("name") { call.node.name = "a,b"; }
  SUBCASE("no name") { call.node.name.clear(); }
  SUBCASE("host") { call.node.address.host.clear(); }
  SUBCASE("port") { call.node.address.port = 0; }
  CHECK(bench.error(bench.join(call)) == Errc::invalid_argument);
  CHECK(bench.proposed == nullptr);
}

TEST_CASE("4: a name that lives at another address is refused") {
  LeaderBench bench(even_map(2, 8));
  auto call = LeaderBench::join_call(3);
  call.node.name = "n2";
  const Ticket ticket = bench.join(call);
  CHECK(bench.error(ticket) == Errc::conflict);
  CHECK_FALSE(bench.answer(ticket).try_later);
  CHECK(bench.answer(ticket).message == "a member named n2 already lives at host2:9876; choose another --name");
}

TEST_CASE("6: a restart under the same name and address waits until the predecessor counts as gone") {
  LeaderBench bench(even_map(2, 1));
  auto call = LeaderBench::join_call(3);
  call.node.name = "n2";
  call.node.address = node_record(2).address;
  const Ticket early = bench.join(call);
  CHECK(bench.error(early) == Errc::conflict);
  CHECK(bench.answer(early).try_later);
  bench.let_die(2);
  const Ticket late = bench.join(call);
  REQUIRE(bench.choose());
  CHECK(bench.is_ok(late));
  CHECK_FALSE(bench.lists(2));
  CHECK(bench.state(3) == NodeState::joining);
}

TEST_CASE("4: a dead predecessor with partitions is marked down and stays, and the newcomer of its name is let in") {
  LeaderBench bench(even_map(2, 8));
  bench.let_die(2);
  auto call = LeaderBench::join_call(3);
  call.node.name = "n2";
  const Ticket ticket = bench.join(call);
  bench.choose_all();
  CHECK(bench.is_ok(ticket));
  CHECK(bench.state(2) == NodeState::down);
  CHECK(bench.state(3) == NodeState::joining);
  CHECK(bench.map().find_name("n2")->id == NodeId{3});
  CHECK(bench.shares() == std::vector<std::uint64_t>{4, 4, 0});
}

TEST_CASE("4: a node marked down serves again when that very incarnation speaks, having heard this leader") {
  ClusterMap map = even_map(2, 8);
  map.nodes[1].state = NodeState::down;
  LeaderBench bench(map);
  CHECK(bench.proposed == nullptr);  // it has asked, and echoed nothing yet
  bench.heartbeat(2);
  bench.choose_all();
  CHECK(bench.state(2) == NodeState::active);
  CHECK(bench.shares() == std::vector<std::uint64_t>{4, 4});
  CHECK(cluster::learners_of(bench.map(), NodeId{1}) == 0);
}

TEST_CASE("8: two newcomers of one name: the first is let in, the second refused") {
  LeaderBench bench(even_map(1, 8));
  const Ticket blocker = bench.join(9);
  const Ticket first = bench.join(2);
  auto call = LeaderBench::join_call(3);
  call.node.name = "n2";
  const Ticket second = bench.join(call);
  bench.choose_all();
  CHECK(bench.is_ok(blocker));
  CHECK(bench.is_ok(first));
  CHECK(bench.error(second) == Errc::conflict);
  CHECK(says(bench.answer(second), "host2:9876"));
}

TEST_CASE("8: a closed leader refuses newcomers for now, and lets those go on that it has listed") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  bench.choose_all();
  const Ticket unlisted = bench.join(4);  // proposed, not chosen yet
  const Ticket waiting = bench.join(5);
  bench.leader.set_closed(true);
  const Ticket late = bench.join(6);
  CHECK(bench.error(late) == Errc::conflict);
  CHECK(bench.answer(late).try_later);
  const Ticket activated = bench.activate(3);
  bench.choose_all();
  CHECK(bench.is_ok(unlisted));
  CHECK(bench.error(waiting) == Errc::conflict);
  CHECK(bench.answer(waiting).try_later);
  CHECK(bench.is_ok(activated));
}

TEST_CASE("8: while the leadership is handed over newcomers are told to try later") {
  LeaderBench bench(even_map(2, 8));
  bench.leader.resign();
  const Ticket ticket = bench.join(3);
  CHECK(bench.error(ticket) == Errc::conflict);
  CHECK(bench.answer(ticket).try_later);
  CHECK(bench.proposed == nullptr);
}

TEST_CASE("8: a repeated join is answered again; the earlier ticket is told so") {
  LeaderBench bench(even_map(2, 8));
  const Ticket first = bench.join(3);
  const Ticket second = bench.join(3);
  CHECK(bench.error(first) == Errc::conflict);
  CHECK(bench.answer(first).try_later);
  bench.choose_all();
  CHECK(bench.is_ok(second));
  const Ticket third = bench.join(3);
  CHECK(bench.is_ok(third));
  CHECK(bench.answer(third).map == bench.leader.map());
  CHECK(bench.proposed == nullptr);
}

TEST_CASE("8: a node whose earlier join broke off after the activation is taken out and let in anew") {
  LeaderBench bench(even_map(3, 8));
  bench.join(4);
  bench.choose_all();
  bench.activate(4);
  bench.choose_all();
  REQUIRE(cluster::learners_of(bench.map(), NodeId{4}) > 0);
  const Ticket ticket = bench.join(4);
  bench.choose_all();
  REQUIRE(bench.is_ok(ticket));
  CHECK(bench.answer(ticket).map->find(NodeId{4})->state == NodeState::joining);
  CHECK(cluster::learners_of(bench.map(), NodeId{4}) == 0);
}

TEST_CASE("8: one that has a vote by then gives it up first") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  bench.choose_all();
  bench.activate(3);
  bench.choose_all();
  bench.pass(milliseconds(100));
  bench.choose_all();
  REQUIRE(bench.map().is_voter(NodeId{3}));
  const Ticket ticket = bench.join(3);
  bench.choose_all();
  REQUIRE(bench.is_ok(ticket));
  CHECK(bench.state(3) == NodeState::joining);
  CHECK_FALSE(bench.map().is_voter(NodeId{3}));
}

TEST_CASE("8: one that was called down by then is let in anew, or told that it is a member, as it asks") {
  LeaderBench bench(even_map(2, 8));
  bench.newcomers_know = false;
  bench.join(3);
  bench.choose_all();
  bench.activate(3);
  bench.choose_all();
  bench.let_die(3);
  REQUIRE(bench.state(3) == NodeState::down);
  SUBCASE("it asks for its activation again") {
    const Ticket ticket = bench.activate(3);
    REQUIRE(bench.is_ok(ticket));
    CHECK(bench.answer(ticket).map == bench.leader.map());
  }
  SUBCASE("it has given up and joins again") {
    const Ticket ticket = bench.join(3);
    bench.choose_all();
    REQUIRE(bench.is_ok(ticket));
    CHECK(bench.state(3) == NodeState::joining);
  }
}

TEST_CASE("8: a member that holds partitions, the leader, and one that leaves cannot join") {
  LeaderBench bench(even_map(3, 8));
  CHECK(bench.error(bench.join(2)) == Errc::conflict);
  CHECK(bench.error(bench.join(1)) == Errc::conflict);
  bench.let_die(2);
  CHECK(bench.error(bench.join(2)) == Errc::conflict);
  CHECK(bench.map().find(NodeId{2})->state == NodeState::down);
  bench.silent.clear();
  bench.pass(milliseconds(100));
  bench.choose_all();
  bench.leave(3);
  bench.choose();
  const Ticket leaving = bench.join(3);
  CHECK(bench.error(leaving) == Errc::conflict);
  CHECK(bench.answer(leaving).try_later);
}

TEST_CASE("8: the newcomer is told to drop copies where any alive member may hold some") {
  LeaderBench bench(even_map(3, 8));
  bench.reports[3].copies_of = {ClusterId{1004}, ClusterId{5}};
  bench.heartbeat(3);
  const Ticket with_copies = bench.join(4);
  const Ticket without = bench.join(6);
  auto call = LeaderBench::join_call(7);
  call.from = {};
  const Ticket from_nowhere = bench.join(call);
  bench.choose_all();
  CHECK(bench.answer(with_copies).drop_copies);
  CHECK_FALSE(bench.answer(without).drop_copies);
  CHECK_FALSE(bench.answer(from_nowhere).drop_copies);
  bench.let_die(3);
  const Ticket holder_dead = bench.join(8);
  bench.choose_all();
  CHECK(bench.is_ok(holder_dead));
  auto again = LeaderBench::join_call(9);
  again.from = ClusterId{1004};
  const Ticket copies_unreachable = bench.join(again);
  bench.choose_all();
  CHECK_FALSE(bench.answer(copies_unreachable).drop_copies);
}

TEST_CASE(
    "8: a newcomer is answered only when all alive members have told whether they hold copies, or are called down") {
  LeaderBench bench(even_map(2, 8));
  bench.join_fully(3);
  bench.join(4);
  bench.choose_all();
  bench.activate(4);
  bench.choose_all();  // node 4 is a member and has not reported
  const Ticket ticket = bench.join(5);
  bench.choose_all();
  CHECK(bench.state(5) == NodeState::joining);
  CHECK_FALSE(bench.is_answered(ticket));
  bool holds_copies = false;
  SUBCASE("it holds some") {
    holds_copies = true;
    bench.reports[4].copies_of = {ClusterId{1005}};
    bench.heartbeat(4);
  }
  SUBCASE("it holds none") { bench.heartbeat(4); }
  SUBCASE("it says nothing") { bench.let_die(4); }
  REQUIRE(bench.is_ok(ticket));
  CHECK(bench.answer(ticket).drop_copies == holds_copies);
}

TEST_CASE("8: activation: chosen, answered with the map, and at once where it is done") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  bench.choose_all();
  const Ticket ticket = bench.activate(3);
  CHECK_FALSE(bench.is_answered(ticket));
  bench.choose();
  REQUIRE(bench.is_ok(ticket));
  CHECK(bench.answer(ticket).map->find(NodeId{3})->state == NodeState::active);
  CHECK(bench.is_ok(bench.activate(3)));
  CHECK(bench.is_ok(bench.activate(2)));
}

TEST_CASE("8: a new member is given nothing before it has acknowledged that it is one") {
  LeaderBench bench(even_map(2, 8));
  bench.newcomers_know = false;
  bench.join(3);
  bench.choose_all();
  bench.activate(3);
  bench.choose_all();
  bench.pass(milliseconds(500));
  CHECK(bench.state(3) == NodeState::active);
  CHECK(bench.proposed == nullptr);
  CHECK(bench.leader.successors(bench.now) == std::vector{NodeId{2}});
  const Ticket ticket = bench.settle(3);
  CHECK_FALSE(bench.is_answered(ticket));
  bench.acknowledge(3);
  bench.choose();
  CHECK(cluster::learners_of(bench.map(), NodeId{3}) == 2);
}

TEST_CASE("8: activation of a node that the map does not list says that its join is over") {
  LeaderBench bench(even_map(2, 8));
  const Ticket unknown = bench.activate(3);
  CHECK(bench.error(unknown) == Errc::not_applied);
  CHECK(says(bench.answer(unknown), "start the join again"));
}

TEST_CASE("8: a joining node that falls silent is taken out of the map") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  bench.choose_all();
  bench.pass(LeaderBench::kLease * 3);
  CHECK(bench.lists(3));  // its heartbeats keep it
  bench.let_die(3);
  bench.choose_all();
  CHECK_FALSE(bench.lists(3));
  CHECK(bench.leader.operations(bench.now).empty());
  CHECK(bench.error(bench.activate(3)) == Errc::not_applied);
}

TEST_CASE("8: a joining node that gives up is taken out, and may begin anew") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  bench.choose_all();
  const Ticket abandoned = bench.abandon(3);
  CHECK_FALSE(bench.is_answered(abandoned));
  const Ticket again = bench.join(3);
  CHECK_FALSE(bench.is_answered(again));
  bench.choose();
  CHECK_FALSE(bench.lists(3));
  CHECK(bench.is_ok(abandoned));
  bench.choose_all();
  CHECK(bench.is_ok(again));
  CHECK(bench.state(3) == NodeState::joining);
}

TEST_CASE("8: giving up before the join is chosen, after it is a member, and without any join") {
  LeaderBench bench(even_map(2, 8));
  const Ticket joining = bench.join(3);
  const Ticket early = bench.abandon(3);
  CHECK(bench.error(joining) == Errc::cancelled);
  CHECK_FALSE(bench.is_answered(early));  // the change under way lists it
  bench.choose_all();
  CHECK(bench.is_ok(early));
  CHECK_FALSE(bench.lists(3));
  CHECK(bench.error(bench.abandon(2)) == Errc::conflict);
  CHECK(bench.is_ok(bench.abandon(9)));
}

TEST_CASE("8: giving up while the activation is being chosen: the answers tell what was chosen") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  bench.choose_all();
  const Ticket activated = bench.activate(3);
  const Ticket abandoned = bench.abandon(3);
  CHECK_FALSE(bench.is_answered(activated));
  CHECK_FALSE(bench.is_answered(abandoned));
  bench.choose();
  CHECK(bench.is_ok(activated));
  CHECK(bench.error(abandoned) == Errc::conflict);
  CHECK(bench.state(3) == NodeState::active);
}

TEST_CASE("8: a join has settled when no move is left and every alive member has acknowledged the newest map") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  bench.choose_all();
  const Ticket early = bench.settle(3);
  bench.activate(3);
  bench.choose_all();
  CHECK_FALSE(bench.is_answered(early));
  const Ticket ticket = bench.settle(3);
  bench.heartbeat(3);
  bench.run_moves();
  CHECK(bench.shares() == std::vector<std::uint64_t>{3, 3, 2});
  CHECK_FALSE(bench.is_answered(ticket));
  bench.acknowledge(1);
  bench.acknowledge(2);
  CHECK_FALSE(bench.is_answered(ticket));
  CHECK(bench.leader.operations(bench.now).size() == 1);
  bench.acknowledge(3);
  CHECK(bench.is_ok(ticket));
  CHECK(bench.leader.operations(bench.now).empty());
  CHECK(bench.is_ok(bench.settle(3)));
}

TEST_CASE("8: settling waits neither for silent members nor for joining nodes") {
  LeaderBench bench(even_map(3, 8));
  bench.let_die(3);
  bench.join(5);
  bench.join(4);
  bench.choose_all();
  bench.activate(4);
  const Ticket ticket = bench.settle(4);
  bench.run_moves();
  for (const std::uint64_t node : {1u, 2u, 4u})
    bench.acknowledge(node);
  CHECK(bench.is_ok(ticket));
  CHECK(bench.shares() == std::vector<std::uint64_t>{2, 2, 2, 2, 0});  // what node 3 holds stays with it
}

TEST_CASE("8: whoever is not a member cannot settle") {
  LeaderBench bench(even_map(2, 8));
  CHECK(bench.error(bench.settle(3)) == Errc::not_applied);
  bench.join(3);
  bench.choose_all();
  const Ticket ticket = bench.settle(3);
  CHECK_FALSE(bench.is_answered(ticket));
  bench.let_die(3);
  bench.choose_all();
  CHECK(bench.error(ticket) == Errc::not_applied);
}

TEST_CASE("8: a member that was silent while it settles is told to ask again when it is no longer down") {
  LeaderBench bench(even_map(2, 8));
  bench.join_fully(3);
  bench.let_die(3);
  const Ticket down = bench.settle(3);
  CHECK(bench.error(down) == Errc::not_applied);
  CHECK(bench.answer(down).try_later);
  bench.silent.clear();
  bench.pass(milliseconds(50));
  bench.choose_all();
  bench.acknowledge_all();
  CHECK(bench.is_ok(bench.settle(3)));
}

TEST_CASE("8: a join tells how far it is: moves done of those planned at its activation") {
  LeaderBench bench(even_map(2, 8), 1);
  const Instant begun = bench.now;
  bench.join(3);
  CHECK(bench.leader.operations(bench.now).size() == 1);
  bench.choose_all();
  bench.activate(3);
  bench.choose_all();
  bench.now = begun + milliseconds(40);
  auto operations = bench.leader.operations(bench.now);
  REQUIRE(operations.size() == 1);
  CHECK(operations[0] == wire::OperationReport{true, NodeId{3}, "n3", 0, 2, 40});
  for (PartitionId p = 0; p < 8; ++p) {
    if (bench.partition(p).learners.empty()) continue;
    bench.report_level(p);
    bench.report_stopped(p);
    bench.choose();
    break;
  }
  operations = bench.leader.operations(bench.now);
  REQUIRE(operations.size() == 1);
  CHECK(operations[0] == wire::OperationReport{true, NodeId{3}, "n3", 1, 2, 40});
}

TEST_CASE("8: several joins go on side by side, each given its share") {
  LeaderBench bench(even_map(1, 8));
  for (const std::uint64_t node : {2u, 3u, 4u})
    bench.join(node);
  bench.choose_all();
  CHECK(bench.changes == 2);  // the first at once, the two others together
  for (const std::uint64_t node : {4u, 2u, 3u})
    bench.activate(node);
  bench.run_moves();
  CHECK(bench.shares() == std::vector<std::uint64_t>{2, 2, 2, 2});
}

TEST_CASE("a new leader goes on with the joins that the map lists") {
  ClusterMap map = even_map(2, 8);
  map.nodes.push_back(node_record(3, NodeState::joining));
  LeaderBench bench(map);
  CHECK(bench.leader.operations(bench.now).size() == 1);
  const Ticket ticket = bench.activate(3);
  bench.choose_all();
  CHECK(bench.is_ok(ticket));
}

}  // namespace dht::testing
