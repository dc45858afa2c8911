// A leader that asks voters for its lease who have accepted something else than it knows. The paragraphs are those of
// the design: "The register" (5), "Leader and leases" (6).
#include "cluster/leader_seat.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/manual_scheduler.h>
#include <dht/testing/memory_network.h>

#include "cluster/voter_seat.h"
#include "maps.h"
#include "wire/message_type.h"

namespace dht::testing {

namespace {

using namespace cluster;
using agreement::AcceptorState;
using std::chrono::milliseconds;

wire::Ballot at_ballot(std::uint64_t counter) { return {.counter = counter, .node = NodeId{1}, .boot = 1}; }

/// Five nodes, of which the first three are the voters and the first one leads. Of what comes after that: other voters,
/// or another leader.
ClusterMap voted_map() {
  ClusterMap map = even_map(5, 8);
  map.settings.lease_ms = 1000;
  map.revision = 10;
  map.voters = {NodeId{1}, NodeId{2}, NodeId{3}};
  return map;
}
ClusterMap with_voters_to_come(ClusterMap map) {
  ++map.revision;
  map.next_voters = {NodeId{1}, NodeId{4}, NodeId{5}};
  return map;
}
ClusterMap with_leader(ClusterMap map, NodeId leader) {
  ++map.revision;
  ++map.generation;
  map.leader = leader;
  return map;
}

ClusterMapPtr share(ClusterMap map) { return std::make_shared<const ClusterMap>(std::move(map)); }

/// One node's part in the agreement on maps; it holds no data, and joins and leaves nothing.
class Seat final : TransportReceiver, MembershipClient {
 public:
  Seat(MemoryNetwork& network, ManualScheduler& scheduler, std::uint64_t k, ClusterMapPtr map, AcceptorState voter)
      : scheduler_(scheduler),
        record_(node_record(k)),
        transport_(network.make_transport(record_.address)),
        member_({.id = record_.id,
                 .name = record_.name,
                 .address = record_.address,
                 .step_timeout = milliseconds{5000},
                 .past = Remembered{record_.id, map, std::move(voter)}},
                scheduler, *transport_),
        voter_(member_, [](const ClusterMapPtr&, Duration) {}),
        leader_(member_, voter_) {
    member_.set_client(*this);
    member_.set_followers(
        [this] {
          voter_.learn(member_.map());
          if (member_.map()->leader == member_.id()) return leader_.learn(member_.map());
          leader_.vacate();
        },
        [] { FAIL("a member was forgotten"); });
    transport_->start({record_.id, map->cluster, record_.address}, *this);
  }
  ~Seat() {
    timer_.reset();
    leader_.vacate();
    member_.stop();
    transport_->stop();
  }

  /// Asks for its lease again and again, as a leader does.
  void lead() {
    leader_.take(member_.map(), milliseconds{1000});
    renew();
  }
  bool holds_lease() const { return leader_.holds_lease(); }
  ClusterMapPtr map() const { return member_.map(); }

 private:
  void renew() {
    timer_ = scheduler_.call_later(milliseconds{250}, [this] { renew(); });
    leader_.renew();
    leader_.on_tick();
  }

  void on_request(const LinkInfo& from, Frame frame) override {
    const auto call = wire::decode_call(frame.payload);
    REQUIRE(call);
    const auto answer = [this, link = from.link, id = call->id](wire::Answer given) {
      given.id = id;
      const std::string bytes = wire::encode(given);
      CHECK_FALSE(transport_->reply(link, {static_cast<std::uint16_t>(wire::MessageType::answer), bytes}));
    };
    if (call->kind == wire::CallKind::push_map) {
      member_.adopt(call->map);
      return answer({});
    }
    voter_.on_call(*call, holds_lease(), answer);
  }
  void on_reply(const Peer&, Lane, Frame frame) override { member_.calls().on_answer(frame.payload); }
  void on_broken(const Peer&, Lane, ConnectionId connection, std::error_code reason) override {
    member_.calls().on_broken(connection, reason);
  }
  void on_link_closed(const LinkInfo&) override {}

  void on_map(ClusterMapPtr) override {}
  void on_hand_over(PartitionId, Epoch) override {}
  NodeReport report() const override { return {}; }
  void copy_into(ClusterMapPtr, bool, StatusHandler) override {}
  void on_target_map(ClusterMapPtr) override {}
  void finish_copy(StatusHandler) override {}
  void switch_to(ClusterMapPtr) override {}
  void abandon_join(Function<void()>) override {}
  void stand_alone(ClusterMapPtr, Kept, StatusHandler) override {}
  void on_lease() override {}

  ManualScheduler& scheduler_;
  NodeRecord record_;
  std::unique_ptr<Transport> transport_;
  Member member_;
  VoterSeat voter_;
  LeaderSeat leader_;
  std::unique_ptr<Scheduler::Timer> timer_;
};

/// Voter 3 is dead, so that the lease of the leader takes both others; all know `map`.
struct SeatBench {
  void add(std::uint64_t k, std::uint64_t ballot, const ClusterMapPtr& accepted) {
    seats.push_back(std::make_unique<Seat>(
        network, scheduler, k, map,
        AcceptorState{
            .cluster = map->cluster, .promised = at_ballot(ballot), .accepted = at_ballot(ballot), .map = accepted}));
  }
  /// Whether the first node comes to its lease, as leader of the newest map.
  bool leads_within(Duration time) {
    seats[0]->lead();
    return scheduler.run_until([&] { return seats[0]->holds_lease(); }, time);
  }

  ClusterMapPtr map = share(voted_map());
  ManualScheduler scheduler;
  MemoryNetwork network{scheduler.timeline()};
  std::vector<std::unique_ptr<Seat>> seats;
};

}  // namespace

TEST_CASE("6: two of three voters who have accepted what they know confirm their leader") {
  SeatBench bench;
  bench.add(1, 5, bench.map);
  bench.add(2, 5, bench.map);
  CHECK(bench.leads_within(milliseconds{1000}));
}

TEST_CASE(
    "6: a voter that alone accepted another leader, and was outvoted, confirms the present one again (seed 3018220)") {
  SeatBench bench;
  SUBCASE("be it the leader's own") {
    bench.add(1, 6, share(with_leader(*bench.map, NodeId{2})));
    bench.add(2, 7, bench.map);
  }
  SUBCASE("or another one") {
    bench.add(1, 7, bench.map);
    bench.add(2, 6, share(with_leader(*bench.map, NodeId{2})));
  }
  CHECK(bench.leads_within(milliseconds{2000}));
  CHECK(bench.seats[0]->map()->revision == bench.map->revision);
}

TEST_CASE("6: a leader one of whose voters has accepted others to come makes those voters, and has their word, too") {
  SeatBench bench;
  const ClusterMapPtr next = share(with_voters_to_come(*bench.map));
  bench.add(1, 5, bench.map);
  bench.add(2, 6, next);
  bench.add(4, 5, bench.map);
  bench.add(5, 5, bench.map);
  CHECK(bench.leads_within(milliseconds{2000}));
  CHECK(bench.seats[0]->map()->revision >= next->revision);
}

TEST_CASE("6: a leader one of whose voters has accepted another, whom nothing outvoted, gives way to it") {
  SeatBench bench;
  bench.add(1, 5, bench.map);
  bench.add(2, 6, share(with_leader(*bench.map, NodeId{2})));
  CHECK_FALSE(bench.leads_within(milliseconds{2000}));
  CHECK(bench.seats[0]->map()->leader == NodeId{2});
}

}  // namespace dht::testing
