// The leader's dealings with the register and with what members know. The paragraphs are those of the design: "Leader
// and leases" (6), "Join and leave" (8).
#include <doctest/doctest.h>

#include "cluster/map_change.h"
#include "leader_bench.h"

namespace dht::testing {

namespace {

wire::Call heartbeat_call(std::uint64_t node, Revision revision) {
  wire::Call call;
  call.kind = wire::CallKind::heartbeat;
  call.node.id = NodeId{node};
  call.revision = revision;
  return call;
}

wire::Answer answer_to(LeaderBench& bench, const wire::Call& call) { return bench.answer(bench.heartbeat(call)); }

}  // namespace

TEST_CASE("one change is under way at a time; what comes meanwhile goes into the next") {
  LeaderBench bench(even_map(1, 8));
  bench.join(2);
  const ClusterMapPtr first = bench.proposed;
  bench.join(3);
  bench.join(4);
  CHECK(bench.proposed == first);
  bench.choose();
  CHECK(bench.map().nodes.size() == 2);
  bench.choose();
  CHECK(bench.map().nodes.size() == 4);
  CHECK(bench.proposed == nullptr);
}

TEST_CASE("a refused proposal is made anew on the map that the register holds") {
  LeaderBench bench(even_map(2, 8));
  const Ticket ticket = bench.join(3);
  cluster::MapChange other(bench.map());
  other.add_joining(node_record(9));
  bench.refuse(std::make_shared<const ClusterMap>(std::move(other).finish()));
  REQUIRE(bench.proposed != nullptr);
  bench.choose_all();
  CHECK(bench.lists(9));
  CHECK(bench.lists(3));
  CHECK(bench.is_ok(ticket));
}

TEST_CASE("a proposal that was refused for no visible reason is made again at the next event, not at once") {
  LeaderBench bench(even_map(2, 8));
  const Ticket ticket = bench.join(3);
  bench.refuse(bench.leader.map());
  CHECK(bench.proposed == nullptr);
  bench.tick();
  REQUIRE(bench.proposed != nullptr);
  bench.refuse(nullptr);
  CHECK(bench.proposed == nullptr);
  bench.tick();
  bench.choose_all();
  CHECK(bench.is_ok(ticket));
}

TEST_CASE("a proposal believed refused that was chosen after all counts as chosen") {
  LeaderBench bench(even_map(2, 8));
  const Ticket ticket = bench.join(3);
  bench.refuse(ClusterMapPtr(bench.proposed));
  CHECK(bench.is_ok(ticket));
  CHECK(bench.proposed == nullptr);
}

TEST_CASE("5: a deposed leader proposes nothing any more") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  cluster::MapChange change(bench.map());
  change.set_leader(NodeId{2});
  bench.refuse(std::make_shared<const ClusterMap>(std::move(change).finish()));
  bench.tick();
  CHECK(bench.proposed == nullptr);
}

TEST_CASE("6: every new map is pushed at once to all but self and joining nodes, and again to who does not heed it") {
  LeaderBench bench(even_map(3, 8));
  bench.join(4);
  bench.choose_all();
  CHECK(bench.pushed == std::vector{NodeId{2}, NodeId{3}});
  bench.pushed.clear();
  bench.acknowledge(2);
  bench.pass(milliseconds(100));
  CHECK(bench.pushed.empty());
  bench.pass(milliseconds(50));
  CHECK(bench.pushed == std::vector{NodeId{3}});
  bench.pushed.clear();
  bench.pass(milliseconds(150));
  CHECK(bench.pushed == std::vector{NodeId{3}});
  bench.acknowledge(3);
  bench.pushed.clear();
  bench.pass(milliseconds(500));
  CHECK(bench.pushed.empty());
}

TEST_CASE("6: a member that is down is sent the newest map once a second, until it speaks (seed 5054371)") {
  LeaderBench bench(even_map(2, 8));
  bench.let_die(2);
  bench.join(3);
  bench.choose_all();
  bench.pushed.clear();
  bench.pass(milliseconds(500));
  CHECK(bench.pushed.empty());
  bench.pass(milliseconds(3000));
  CHECK(std::count(bench.pushed.begin(), bench.pushed.end(), NodeId{2}) == 3);
  bench.pushed.clear();
  bench.silent.clear();
  bench.heartbeat(2);
  bench.choose_all();
  CHECK(std::count(bench.pushed.begin(), bench.pushed.end(), NodeId{2}) >= 1);
}

TEST_CASE("a member that reports that it is full is called so to all, until it reports otherwise") {
  LeaderBench bench(even_map(3, 8));
  auto call = heartbeat_call(2, bench.map().revision);
  for (const bool is_full : {true, false}) {
    call.report.is_full = is_full;
    answer_to(bench, call);
    const wire::Answer answer = answer_to(bench, heartbeat_call(3, bench.map().revision));
    REQUIRE(answer.members.size() == 3);
    CHECK(answer.members[1].is_full == is_full);
    CHECK_FALSE(answer.members[0].is_full);
    CHECK_FALSE(answer.members[2].is_full);
  }
}

TEST_CASE("6: a heartbeat is answered with the map where that is newer, with the members and what is going on") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  bench.choose_all();
  auto call = heartbeat_call(2, bench.map().revision);
  call.report.statistics = {.entries = 5, .bytes = 77};
  wire::Answer answer = answer_to(bench, call);
  CHECK(answer.map == nullptr);
  REQUIRE(answer.members.size() == 3);
  answer = answer_to(bench, heartbeat_call(3, 1));
  CHECK(answer.map == bench.leader.map());
  CHECK(answer.members[1] == wire::MemberReport{NodeId{2}, true, {.entries = 5, .bytes = 77}, false});
  CHECK(answer.operations.size() == 1);
  bench.let_die(2);
  answer = answer_to(bench, heartbeat_call(99, 1));  // no member at all
  CHECK(answer.map == bench.leader.map());
  CHECK_FALSE(answer.members[1].alive);
  CHECK(answer.members[0].alive);
}

TEST_CASE("6: a heartbeat of a member acknowledges its revision; a joining node's is of its own cluster") {
  LeaderBench bench(even_map(2, 8));
  bench.join(3);
  bench.choose_all();
  answer_to(bench, heartbeat_call(3, 1'000'000));
  bench.activate(3);
  const Ticket ticket = bench.settle(3);
  bench.run_moves();
  bench.acknowledge(1);
  answer_to(bench, heartbeat_call(2, bench.map().revision));
  CHECK_FALSE(bench.is_answered(ticket));
  answer_to(bench, heartbeat_call(3, bench.map().revision));
  CHECK(bench.is_ok(ticket));
}

TEST_CASE("heartbeats that bring no news cause no change") {
  LeaderBench bench(even_map(3, 8));
  bench.pass(milliseconds(5000));
  CHECK(bench.proposed == nullptr);
  CHECK(bench.map().revision == 1);
}

TEST_CASE("a resigned leader makes no proposal until it resumes, and names alive, active successors") {
  ClusterMap map = even_map(5, 8);
  map.nodes[1].state = NodeState::leaving;
  LeaderBench bench(map);
  bench.choose_all();
  using Nodes = std::vector<NodeId>;
  CHECK(bench.leader.successors(bench.now) == Nodes{NodeId{3}, NodeId{4}, NodeId{5}});
  bench.acknowledge(4);
  CHECK(bench.leader.successors(bench.now) == Nodes{NodeId{4}, NodeId{3}, NodeId{5}});  // it has the newest map
  bench.let_die(4);
  CHECK(bench.leader.successors(bench.now) == Nodes{NodeId{3}, NodeId{5}});
  bench.choose_all();
  bench.leader.resign();
  const Ticket ticket = bench.leave(5);
  bench.tick();
  CHECK(bench.proposed == nullptr);
  CHECK_FALSE(bench.is_answered(ticket));
  LeaderEffects effects;
  bench.leader.resume(bench.now, effects);
  bench.run_moves();
}

TEST_CASE("there is no successor where nobody else is alive and active") {
  LeaderBench bench(even_map(2, 8));
  CHECK(bench.leader.successors(bench.now) == std::vector{NodeId{2}});
  bench.let_die(2);
  CHECK(bench.leader.successors(bench.now).empty());
  bench.join(3);
  bench.choose_all();
  CHECK(bench.leader.successors(bench.now).empty());
}

TEST_CASE("stopping answers everybody who waits: not done, ask again") {
  LeaderBench bench(even_map(3, 8));
  bench.join(5);
  bench.join(6);
  bench.leave(3);
  bench.settle(2);
  LeaderEffects effects;
  bench.leader.stop(effects);
  REQUIRE(effects.replies.size() == 4);
  for (const auto& reply : effects.replies) {
    CHECK(reply.answer.error == Errc::not_applied);
    CHECK(reply.answer.try_later);
  }
  effects = {};
  bench.leader.stop(effects);
  CHECK(effects.replies.empty());
}

}  // namespace dht::testing
