// A node as a voter: whom it confirms, and when it takes part in an election. The paragraphs are those of the design:
// "The register" (5), "Leader and leases" (6).
#include "cluster/voter_seat.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/manual_scheduler.h>
#include <dht/testing/memory_network.h>

#include "maps.h"

namespace dht::testing {

namespace {

using cluster::Member;
using cluster::VoterSeat;
using std::chrono::milliseconds;
using wire::CallKind;

constexpr NodeId kVoter{2};
constexpr ClusterId kCluster{77};  // of even_map

/// Node 2 as a voter; node 1 leads its cluster, or another one does.
struct VoterBench {
  static ClusterMapPtr map_of(std::uint64_t generation, Revision revision) {
    ClusterMap map = even_map(3, 8);
    map.generation = generation;
    map.revision = revision;
    return std::make_shared<const ClusterMap>(map);
  }
  /// The node has come into the cluster, by this map, and has accepted nothing.
  void enter(std::uint64_t generation) {
    const ClusterMapPtr map = map_of(generation, 10);
    member.become(map);
    seat.enter(map);
    pass(milliseconds(5000));
  }
  void pass(Duration duration) { scheduler.run_for(duration); }

  wire::Call call(CallKind kind, NodeId from, std::uint64_t generation = 0) const {
    wire::Call call;
    call.kind = kind;
    call.node.id = from;
    call.voter = wire::VoterRequest{.cluster = kCluster, .voter = kVoter, .known = 10, .generation = generation};
    return call;
  }
  /// Where nothing is to be durable before, it comes at once.
  wire::Answer answer(const wire::Call& call, bool leads = false) {
    std::optional<wire::Answer> given;
    seat.on_call(call, leads, [&](wire::Answer answer) { given = std::move(answer); });
    return given.value();
  }
  bool confirms(std::uint64_t generation, NodeId from = NodeId{1}) {
    return answer(call(CallKind::confirm, from, generation)).reply.value().yes;
  }
  /// What becomes of a round of an election, or of another one: of its first phase, and of its second.
  wire::Answer prepare(bool election, bool leads = false) {
    wire::Call prepare = call(CallKind::prepare, NodeId{3});
    prepare.voter->ballot = {.counter = ++counter, .node = NodeId{3}, .boot = 1};
    prepare.voter->election = election;
    return answer(prepare, leads);
  }
  wire::VoterReply accept(bool election, ClusterMapPtr map) {
    wire::Call accept = call(CallKind::accept, NodeId{3});
    accept.voter->ballot = {.counter = ++counter, .node = NodeId{3}, .boot = 1};
    accept.voter->election = election;
    accept.map = std::move(map);
    const wire::Answer accepted = answer(accept);
    REQUIRE(accepted.reply.has_value());
    REQUIRE(accepted.reply->yes);
    return *accepted.reply;
  }

  ManualScheduler scheduler;
  MemoryNetwork network{scheduler.timeline()};
  std::unique_ptr<Transport> transport = network.make_transport({"host2", 9876});
  Member member{{.id = kVoter, .name = "n2", .address = {"host2", 9876}, .partitions = 8, .lease_ms = 1000},
                scheduler,
                *transport};
  VoterSeat seat{member, [](const ClusterMapPtr&, Duration) {}};
  std::uint64_t counter = 100;
};

}  // namespace

TEST_CASE("6: a voter confirms the generation of the newest leader that it has accepted or knows, and newer ones") {
  VoterBench bench;
  bench.enter(3);
  SUBCASE("it has accepted nothing since it came: what it knows counts") {
    CHECK_FALSE(bench.confirms(2));
    CHECK(bench.confirms(3));
    CHECK(bench.confirms(4));
  }
  SUBCASE("it has accepted a newer leader, who need not be chosen") {
    bench.accept(true, VoterBench::map_of(4, 11));
    CHECK_FALSE(bench.confirms(3));
    CHECK(bench.confirms(4));
  }
  SUBCASE("it has accepted a newer leader, and knows that another map was chosen in the place of that") {
    bench.accept(true, VoterBench::map_of(4, 11));
    bench.member.become(VoterBench::map_of(3, 11));
    CHECK(bench.confirms(3));
  }
  SUBCASE("it has accepted an older map, and knows of a newer leader") {
    bench.accept(false, VoterBench::map_of(3, 11));
    bench.member.become(VoterBench::map_of(5, 14));
    CHECK_FALSE(bench.confirms(4));
    CHECK(bench.confirms(5));
  }
}

TEST_CASE("5: a request for a voter of another cluster, or for another node, is no request to this one") {
  VoterBench bench;
  bench.enter(3);
  wire::Call other_cluster = bench.call(CallKind::confirm, NodeId{1}, 3);
  other_cluster.voter->cluster = ClusterId{78};
  wire::Call other_node = bench.call(CallKind::confirm, NodeId{1}, 3);
  other_node.voter->voter = NodeId{3};
  for (const wire::Call& call : {other_cluster, other_node}) {
    const wire::Answer answer = bench.answer(call);
    CHECK(answer.error == Errc::incompatible);
    CHECK_FALSE(answer.reply.has_value());
  }
}

TEST_CASE("6: within a lease of a yes a voter takes part in no election, in other rounds it does") {
  VoterBench bench;
  bench.enter(3);
  SUBCASE("it has confirmed the leader") { CHECK(bench.confirms(3)); }
  SUBCASE("it has accepted a map") { bench.accept(false, VoterBench::map_of(3, 11)); }
  SUBCASE("it has come into the cluster") { bench.seat.enter(bench.member.map()); }
  bench.pass(milliseconds(999));
  CHECK(bench.prepare(true).error == Errc::conflict);
  CHECK(bench.prepare(true).try_later);
  CHECK(bench.prepare(false).reply.value().yes);
  bench.pass(milliseconds(1));
  CHECK(bench.prepare(true).reply.value().yes);
}

TEST_CASE("6: a voter that has said no to the leader is free for an election") {
  VoterBench bench;
  bench.enter(3);
  CHECK_FALSE(bench.confirms(2));
  CHECK(bench.prepare(true).reply.value().yes);
}

TEST_CASE("6: the leader itself takes part in no election while it holds its lease, and in any afterwards") {
  VoterBench bench;
  bench.enter(3);
  CHECK(bench.confirms(3, kVoter));
  CHECK(bench.prepare(true, true).error == Errc::conflict);
  CHECK(bench.prepare(true, false).reply.value().yes);
}

TEST_CASE(
    "6: a voter that accepts an election tells how long ago it last said yes, also to itself, and in no other round") {
  VoterBench bench;
  bench.enter(3);
  SUBCASE("to the leader") { CHECK(bench.confirms(3)); }
  SUBCASE("to itself") { CHECK(bench.confirms(3, kVoter)); }
  SUBCASE("to a map") { CHECK_FALSE(bench.accept(false, VoterBench::map_of(3, 11)).confirmed_ms_ago.has_value()); }
  bench.pass(std::chrono::microseconds(1'234'900));
  CHECK(bench.accept(true, VoterBench::map_of(4, 12)).confirmed_ms_ago == 1234);
  bench.pass(milliseconds(70));
  CHECK(bench.accept(true, VoterBench::map_of(4, 12)).confirmed_ms_ago == 70);
}

}  // namespace dht::testing
