// Failure detection, as the leader does it. The paragraphs are those of the design: the map (4), "Leader and leases"
// (6).
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include <doctest/doctest.h>

#include "cluster/map_change.h"
#include "leader_bench.h"

namespace dht::testing {

namespace {

/// Whether the change under way calls the node down.
bool is_condemned(const LeaderBench& bench, std::uint64_t node) {
  if (bench.proposed == nullptr) return false;
  const NodeRecord* record = bench.proposed->find(NodeId{node});
  return record != nullptr && record->state == NodeState::down;
}

/// Three members that have been alive for a while.
struct Bench : LeaderBench {
  Bench() : LeaderBench(even_map(3, 8)) { pass(milliseconds(2000)); }
};

constexpr Duration kLease = LeaderBench::kLease;

}  // namespace

TEST_CASE("6: a silent member is called down when its last proof of life and its last grant are both over") {
  Bench bench;
  const Instant proof = bench.now;
  bench.silent = {3};
  Instant end = proof + kLease;
  SUBCASE("its last word was an echo") {}
  SUBCASE("its last word was an ask of which it did not hear the answer, which may have been granted") {
    bench.deaf = {3};
    bench.pass(milliseconds(500));
    bench.heartbeat(3);  // the echo of what it heard before
    bench.pass(milliseconds(250));
    CHECK(bench.granted(3) == lease::with_margin(kLease));
    end = bench.now + lease::with_margin(kLease);
  }
  while (bench.now + milliseconds(10) <= end) {
    bench.now = bench.now + milliseconds(10);
    bench.renew();
    bench.heartbeat(2);
    bench.tick();
    REQUIRE_FALSE(is_condemned(bench, 3));
  }
  bench.now = end + milliseconds(1);
  bench.renew();
  bench.tick();
  CHECK(is_condemned(bench, 3));
  CHECK(bench.proposed->find(NodeId{2})->state == NodeState::active);
  bench.choose_all();
  CHECK(bench.state(3) == NodeState::down);
}

TEST_CASE("6: a member whose asks arrive and that hears no answer is called down as well") {
  Bench bench;
  bench.deaf = {3};
  bench.pass(2 * kLease + milliseconds(100));
  CHECK(is_condemned(bench, 3));
}

TEST_CASE("6: only while the leader holds its lease does it call anybody down, or grant anything") {
  Bench bench;
  bench.is_confirmed = false;
  bench.silent = {3};
  bench.pass(3 * kLease);
  CHECK(bench.proposed == nullptr);
  CHECK(bench.granted(1) == Duration{0});
  CHECK(bench.granted(2) == Duration{0});
}

TEST_CASE("6, 8: without its lease the leader cannot tell who must know, and answers no leave and no forget") {
  LeaderBench bench(even_map(5, 8));
  bench.let_die(5);
  const Ticket forget = bench.forget(1, "n5");
  const Ticket leave = bench.leave(4);
  bench.run_moves();
  REQUIRE_FALSE(bench.lists(4));
  REQUIRE_FALSE(bench.lists(5));
  bench.is_confirmed = false;
  bench.silent = {2, 3, 5};
  bench.pass(3 * kLease);
  bench.acknowledge(1);
  CHECK_FALSE(bench.is_answered(leave));
  CHECK_FALSE(bench.is_answered(forget));
  bench.is_confirmed = true;
  bench.silent = {5};
  bench.pass(milliseconds(100));
  bench.acknowledge_all();
  CHECK(bench.is_ok(leave));
  CHECK(bench.is_ok(forget));
}

TEST_CASE("6: no grant outlasts the leader's lease") {
  Bench bench;
  bench.is_confirmed = false;
  Duration left = lease::with_margin(kLease);
  for (; left > Duration{0}; left -= milliseconds(100)) {
    CHECK(bench.granted(2) == left);
    bench.pass(milliseconds(100));
  }
  CHECK(bench.granted(2) == Duration{0});
}

TEST_CASE("6: a leader that has lost its lease gives everybody a lease's time again before it calls anybody down") {
  Bench bench;
  bench.silent = {2, 3};
  bench.is_confirmed = false;
  bench.pass(2 * kLease);
  bench.is_confirmed = true;
  bench.pass(kLease);
  CHECK(bench.proposed == nullptr);
  bench.pass(milliseconds(100));
  CHECK(is_condemned(bench, 2));
  CHECK(is_condemned(bench, 3));
}

TEST_CASE("6: a lease that is prolonged in time gives nobody new time") {
  Bench bench;
  bench.silent = {3};
  bench.pass(milliseconds(600));
  bench.is_confirmed = false;
  bench.pass(milliseconds(350));  // nearly all of it
  bench.is_confirmed = true;
  bench.pass(milliseconds(100));
  CHECK(is_condemned(bench, 3));
}

TEST_CASE("6: a leader that was stopped for a while takes nobody for dead because of that") {
  Bench bench;
  bench.now = bench.now + std::chrono::hours(1);
  bench.tick();
  CHECK(bench.proposed == nullptr);
  bench.pass(3 * kLease);
  CHECK(bench.proposed == nullptr);
}

TEST_CASE("6: a new leader calls nobody down before it has waited, whoever is silent and however long it takes") {
  for (const Duration wait : {kLease / 2, kLease * 7 / 10, kLease}) {
    CAPTURE(wait.count());
    const Instant start{std::chrono::seconds(50)};
    Leader leader(NodeId{1}, std::make_shared<const ClusterMap>(even_map(3, 8)), LeaderOptions{.lease = kLease}, start,
                  wait);
    LeaderEffects effects;
    for (Instant now = start; now <= start + wait; now = now + milliseconds(10)) {
      leader.on_lease(lease::end_at_holder(now, kLease), now, effects);
      leader.on_tick(now, effects);
      REQUIRE(effects.propose == nullptr);
    }
    leader.on_tick(start + wait + milliseconds(11), effects);
    REQUIRE(effects.propose != nullptr);
    CHECK(effects.propose->find(NodeId{2})->state == NodeState::down);
    CHECK(effects.propose->find(NodeId{3})->state == NodeState::down);
  }
}

TEST_CASE("6: from the change that calls a member down until that is settled it is granted nothing, others are") {
  Bench bench;
  bench.silent = {3};
  bench.pass(kLease + milliseconds(100));
  REQUIRE(is_condemned(bench, 3));
  // It is back before the change is chosen, and proves it.
  CHECK(bench.granted(3) == Duration{0});
  CHECK(bench.granted(3) == Duration{0});
  CHECK(bench.granted(2) > Duration{0});
  SUBCASE("the change is chosen") {
    bench.choose();
    CHECK(bench.state(3) == NodeState::down);
    CHECK(bench.granted(3) == Duration{0});
    bench.choose_all();
    CHECK(bench.state(3) == NodeState::active);
  }
  SUBCASE("the change is refused") {
    bench.refuse(bench.leader.map());
    CHECK(bench.state(3) == NodeState::active);
  }
  CHECK(bench.granted(3) > Duration{0});
}

TEST_CASE("6: a member that is being removed is granted nothing either") {
  Bench bench;
  bench.leave(3);
  for (int i = 0; i < 50; ++i) {
    if (bench.proposed != nullptr && bench.proposed->find(NodeId{3}) == nullptr) break;
    if (bench.proposed != nullptr) {
      bench.choose();
      continue;
    }
    for (PartitionId p = 0; p < 8; ++p) {
      if (bench.partition(p).learners.empty()) continue;
      bench.report_of(p).level = bench.partition(p).learners;
      bench.report_of(p).stopped = true;
    }
    for (const std::uint64_t node : {1u, 2u, 3u})
      bench.heartbeat(node);
  }
  REQUIRE(bench.proposed != nullptr);
  REQUIRE(bench.proposed->find(NodeId{3}) == nullptr);
  CHECK(bench.granted(3) == Duration{0});
}

TEST_CASE("4, 6: a member that was called down comes back by an echo, with what it held, and not by its asks alone") {
  Bench bench;
  const ClusterMap before = bench.map();
  bench.let_die(3);
  REQUIRE(bench.state(3) == NodeState::down);
  CHECK(bench.map().partitions == before.partitions);
  bench.silent.clear();
  SUBCASE("it asks, and hears nothing") {
    bench.deaf = {3};
    bench.heartbeat(3);  // echoes what it heard before
    bench.choose_all();
    bench.let_die(3);
    bench.silent.clear();
    bench.pass(3 * kLease);
    CHECK(bench.proposed == nullptr);
    CHECK(bench.state(3) == NodeState::down);
    bench.deaf.clear();
  }
  SUBCASE("it hears again") {}
  bench.pass(milliseconds(100));
  bench.choose_all();
  CHECK(bench.state(3) == NodeState::active);
  CHECK(bench.map().partitions == before.partitions);
  CHECK(bench.granted(3) > Duration{0});
}

TEST_CASE(
    "6: all members silent at once, and back at once, are called down and come back in two changes besides voters'") {
  Bench bench;
  const ClusterMap before = bench.map();
  bench.silent = {2, 3};
  bench.pass(kLease + milliseconds(100));
  bench.choose_all();
  CHECK(bench.state(2) == NodeState::down);
  CHECK(bench.state(3) == NodeState::down);
  bench.silent.clear();
  bench.pass(milliseconds(150));
  bench.choose_all();
  bench.pass(milliseconds(150));
  bench.choose_all();
  CHECK(bench.map().partitions == before.partitions);
  CHECK(bench.map().voters.size() == 3);
  CHECK(std::all_of(bench.map().nodes.begin(), bench.map().nodes.end(),
                    [](const NodeRecord& node) { return node.state == NodeState::active; }));
}

TEST_CASE("6: a leaving member that falls silent is called down, too") {
  Bench bench;
  bench.leave(3);
  bench.choose();
  REQUIRE(bench.state(3) == NodeState::leaving);
  bench.let_die(3);
  CHECK(bench.state(3) == NodeState::down);
}

TEST_CASE("6: the answer to a heartbeat tells members that are alive from those that are not, and names the lease") {
  Bench bench;
  bench.let_die(3);
  const wire::Answer answer = bench.answer(bench.heartbeat(2));
  REQUIRE(answer.members.size() == 3);
  CHECK(answer.members[1].alive);
  CHECK_FALSE(answer.members[2].alive);
  REQUIRE(answer.grant.has_value());
  CHECK(answer.grant->length_ms == 900);
  CHECK_FALSE(answer.error);
}

TEST_CASE("6: a leader without a lease says so, that whoever asks may look for another one") {
  Bench bench;
  bench.is_confirmed = false;
  bench.pass(kLease);
  const wire::Answer answer = bench.answer(bench.heartbeat(2));
  CHECK(answer.error == Errc::not_applied);
  CHECK(answer.try_later);
  CHECK(answer.grant->length_ms == 0);
}

TEST_CASE("6: whoever is no member of the cluster is granted nothing") {
  Bench bench;
  CHECK(bench.granted(9) == Duration{0});
  CHECK(bench.granted(9) == Duration{0});
  bench.join(4);
  bench.choose_all();
  CHECK(bench.granted(4) == Duration{0});
}

}  // namespace dht::testing
