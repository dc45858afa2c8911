#include "agreement/quorum_register.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/manual_scheduler.h>

#include "maps.h"

namespace dht::testing {

namespace {

using namespace agreement;
using wire::CallKind;

constexpr auto kDelay = std::chrono::milliseconds{1};

struct Result {
  std::error_code error{};
  ClusterMapPtr map{};
  std::optional<std::uint64_t> confirmed_ms_ago{};
};

/// Some registers of one cluster, founded by node 1, whose voters are given by the first map.
class Bench {
 public:
  using Filter = std::function<bool(std::uint64_t from, std::uint64_t to, const wire::Call&)>;

  ManualScheduler scheduler;
  /// What is lost on its way; by default nothing.
  Filter lost = [](std::uint64_t, std::uint64_t, const wire::Call&) { return false; };
  /// Answers are there before the question returns.
  bool at_once = false;
  std::size_t asked = 0;
  std::vector<Result> results;

  explicit Bench(ClusterMapPtr first, std::uint64_t nodes = 5) : first_(std::move(first)) {
    for (std::uint64_t k = 1; k <= nodes; ++k) {
      auto ask = [this, k](const ClusterMap& directory, NodeId voter, wire::Call call, auto answer) {
        CHECK(directory.find(voter) != nullptr);
        deliver(k, voter.value, std::move(call), std::move(answer));
      };
      registers_[k] = std::make_unique<QuorumRegister>(NodeId{k}, 100 + k, scheduler, std::move(ask));
      AcceptorState remembered = founder_of(first_);
      remembered.map = first_;
      registers_[k]->become(first_, remembered);
    }
  }

  QuorumRegister& at(std::uint64_t k) { return *registers_.at(k); }
  void destroy(std::uint64_t k) { registers_.erase(k); }

  void read(std::uint64_t k) {
    at(k).read([this](std::error_code error, ClusterMapPtr map) { results.push_back({error, std::move(map), {}}); });
  }
  void compare_and_set(std::uint64_t k, Revision expected, ClusterMapPtr next) {
    at(k).compare_and_set(expected, std::move(next), [this](std::error_code error, ClusterMapPtr map) {
      results.push_back({error, std::move(map), {}});
    });
  }
  void elect(std::uint64_t k, Round::Change change) {
    at(k).elect(std::move(change), [this](std::error_code error, ClusterMapPtr map, auto confirmed_ms_ago) {
      results.push_back({error, std::move(map), confirmed_ms_ago});
    });
  }

  /// The results of what was asked for before this call, none of which came inside the calls.
  std::vector<Result> settle() {
    CHECK(results.empty());
    scheduler.run_until_idle();
    return std::exchange(results, {});
  }
  Result result() {
    const auto all = settle();
    REQUIRE(all.size() == 1);
    return all[0];
  }

 private:
  void deliver(std::uint64_t from, std::uint64_t to, wire::Call call,
               Function<void(std::error_code, wire::Answer)> answer) {
    ++asked;
    if (lost(from, to, call)) {
      timers_.push_back(scheduler.call_later(std::chrono::milliseconds{50}, [answer = std::move(answer)]() mutable {
        answer(Errc::outcome_unknown, {});
      }));
    } else if (at_once) {
      answer({}, at(to).on_call(call));
    } else {
      timers_.push_back(
          scheduler.call_later(kDelay, [this, from, to, call = std::move(call), answer = std::move(answer)]() mutable {
            if (registers_.contains(from)) answer({}, at(to).on_call(call));
          }));
    }
  }

  ClusterMapPtr first_;
  std::map<std::uint64_t, std::unique_ptr<QuorumRegister>> registers_;
  std::vector<std::unique_ptr<Scheduler::Timer>> timers_;
};

Round::Change lead(std::uint64_t k) {
  return [k](const ClusterMapPtr& newest) -> ClusterMapPtr {
    if (newest->leader == NodeId{k}) return nullptr;
    ClusterMap next = *newest;
    ++next.revision;
    ++next.generation;
    next.leader = NodeId{k};
    return share(std::move(next));
  };
}

}  // namespace

TEST_CASE("5: every node reads and changes the map, voter or not, and others see it") {
  Bench bench(map_of(1, {1, 2, 3}));
  SUBCASE("answers come later") {}
  SUBCASE("answers come inside the question") { bench.at_once = true; }
  for (const std::uint64_t node : {1u, 4u, 2u, 5u}) {
    bench.read(node);
    const Result before = bench.result();
    REQUIRE_FALSE(before.error);
    const ClusterMapPtr next = map_of(before.map->revision + 1, {1, 2, 3});
    bench.compare_and_set(node, before.map->revision, next);
    const Result after = bench.result();
    CHECK_FALSE(after.error);
    CHECK(after.map == next);
  }
  bench.read(3);
  CHECK(bench.result().map->revision == 5);
}

TEST_CASE("5: a change from another revision is a conflict, and gives the newest map") {
  Bench bench(map_of(1, {1, 2, 3}));
  const ClusterMapPtr second = map_of(2, {1, 2, 3});
  bench.compare_and_set(1, 1, second);
  bench.settle();
  for (const Revision expected : {0u, 1u, 3u}) {
    bench.compare_and_set(4, expected, map_of(expected + 1, {1, 2, 3}, {}, 2));
    const Result result = bench.result();
    CHECK(result.error == Errc::conflict);
    CHECK(result.map == second);
  }
}

TEST_CASE("5: a map that may not follow is refused and changes nothing") {
  Bench bench(map_of(1, {1, 2, 3}));
  ClusterMap next = *map_of(2, {1, 2, 3});
  SUBCASE("of another cluster") { next.cluster = ClusterId{5}; }
  SUBCASE("of the same revision") { next.revision = 1; }
  SUBCASE("with other voters at once") { next.voters = ids({1, 4, 5}); }
  SUBCASE("unsound") { next.partitions.clear(); }
  bench.compare_and_set(2, 1, share(next));
  CHECK(bench.result().error == Errc::corrupt);
  bench.read(2);
  CHECK(bench.result().map->revision == 1);
}

TEST_CASE("5: of two changes at the same moment one is chosen, and the other learns of it") {
  Bench bench(map_of(1, {1, 2, 3}));
  bench.compare_and_set(1, 1, map_of(2, {1, 2, 3}, {}, 1));
  bench.compare_and_set(2, 1, map_of(2, {1, 2, 3}, {}, 2));
  auto results = bench.settle();
  REQUIRE(results.size() == 2);
  if (results[0].error) std::swap(results[0], results[1]);
  CHECK_FALSE(results[0].error);
  CHECK(results[1].error == Errc::conflict);
  CHECK(*results[1].map == *results[0].map);
}

TEST_CASE("5: operations of one node wait for their turn, reads too") {
  Bench bench(map_of(1, {1, 2, 3}));
  bench.compare_and_set(1, 1, map_of(2, {1, 2, 3}));
  bench.read(1);
  bench.compare_and_set(1, 2, map_of(3, {1, 2, 3}));
  bench.read(1);
  const auto results = bench.settle();
  REQUIRE(results.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK_FALSE(results[i].error);
    CHECK(results[i].map->revision == 2 + i / 2);
  }
}

TEST_CASE("5: the voters change step by step, and those of old are no longer needed") {
  Bench bench(map_of(1, {1}));
  bench.compare_and_set(1, 1, map_of(2, {1}, {3, 4, 5}));
  CHECK_FALSE(bench.result().error);
  bench.compare_and_set(1, 2, map_of(3, {3, 4, 5}));
  CHECK_FALSE(bench.result().error);
  bench.read(2);  // knows the first map only, and asks node 1 for the way
  CHECK(bench.result().map->revision == 3);
  bench.lost = [](auto, auto to, auto&) { return to == 1 || to == 5; };
  bench.compare_and_set(2, 3, map_of(4, {3, 4, 5}));
  CHECK_FALSE(bench.result().error);
}

TEST_CASE("5: no two rounds share a ballot, whatever node and boot they are of, and none is below one that was seen") {
  Bench bench(map_of(1, {1, 2, 3}));
  std::map<wire::Ballot, std::uint64_t> proposers;
  std::size_t rounds = 0;
  bench.lost = [&](auto from, auto to, const wire::Call& call) {
    const wire::Ballot& used = call.voter->ballot;
    CHECK(used.node == NodeId{from});
    CHECK(used.boot == 100 + from);
    if (call.kind == CallKind::prepare && to == 1) {
      CHECK(proposers.emplace(used, from).second);
      ++rounds;
    }
    return false;
  };
  for (const std::uint64_t node : {2u, 3u, 2u, 5u, 4u}) {
    bench.read(node);
    bench.settle();
  }
  CHECK(rounds >= 5);
  CHECK(bench.at(1).acceptor().state().promised == proposers.rbegin()->first);
}

TEST_CASE("5: without a majority nothing is changed, and the caller is told in time") {
  Bench bench(map_of(1, {1, 2, 3}));
  bench.lost = [](auto from, auto to, auto&) { return from != to; };
  bench.read(1);
  bench.compare_and_set(2, 1, map_of(2, {1, 2, 3}));
  const Instant begun = bench.scheduler.now();
  bench.scheduler.run_for(QuorumRegister::kPatience + std::chrono::milliseconds{1});
  REQUIRE(bench.results.size() == 2);
  CHECK(bench.results[0].error == Errc::not_applied);
  CHECK(bench.results[1].error == Errc::not_applied);
  CHECK(bench.scheduler.now() - begun < std::chrono::seconds{6});
  for (const std::uint64_t node : {1u, 2u, 3u})
    CHECK(bench.at(node).acceptor().state().map->revision == 1);
}

TEST_CASE("5: a change that voters were asked to accept, and did not answer, has an unknown outcome") {
  Bench bench(map_of(1, {1, 2, 3}));
  const ClusterMapPtr next = map_of(2, {1, 2, 3});
  bench.lost = [](auto, auto, const wire::Call& call) { return call.kind == CallKind::accept; };
  bench.compare_and_set(1, 1, next);
  CHECK(bench.result().error == Errc::outcome_unknown);
  bench.lost = [](auto from, auto to, const wire::Call& call) { return call.kind == CallKind::accept && from != to; };
  bench.compare_and_set(1, 1, next);
  CHECK(bench.result().error == Errc::outcome_unknown);
  // A voter had it, so the next one who comes by completes it.
  bench.lost = [](auto, auto to, auto&) { return to == 3; };
  bench.read(2);
  CHECK(*bench.result().map == *next);
}

TEST_CASE("5: a change that another node completed has succeeded") {
  Bench bench(map_of(1, {1, 2, 3}));
  const ClusterMapPtr next = map_of(2, {1, 2, 3});
  bench.lost = [](auto from, auto to, auto&) { return from == 1 && to != 1; };
  bench.compare_and_set(1, 1, next);
  bench.scheduler.run_for(std::chrono::milliseconds{500});
  CHECK(bench.results.empty());
  // Its accepts reach node 1 alone, and node 2 writes back what it finds there.
  bench.lost = [](auto from, auto to, const wire::Call& call) {
    return from == 1 && to != 1 && call.kind == CallKind::accept;
  };
  bench.scheduler.run_for(std::chrono::milliseconds{500});
  CHECK(bench.at(1).acceptor().state().map == next);
  bench.lost = [](auto from, auto to, auto&) { return from == 1 ? to != 1 : to == 3; };
  bench.at(2).read([](std::error_code error, const ClusterMapPtr& map) {
    CHECK_FALSE(error);
    CHECK(map->revision == 2);
  });
  bench.scheduler.run_for(std::chrono::milliseconds{500});
  bench.lost = [](auto, auto, auto&) { return false; };
  const Result result = bench.result();
  CHECK_FALSE(result.error);
  CHECK(*result.map == *next);
}

TEST_CASE("5: a node that joins another cluster forgets this one, and its operations end") {
  Bench bench(map_of(1, {1, 2, 3}));
  bench.lost = [](auto, auto, const wire::Call& call) { return call.kind == CallKind::accept; };
  bench.compare_and_set(1, 1, map_of(2, {1, 2, 3}));
  bench.read(1);
  bench.scheduler.run_for(std::chrono::milliseconds{10});
  ClusterMap other = *map_of(7, {9});
  other.cluster = ClusterId{5};
  bench.at(1).become(share(other), newcomer_to(other));
  const auto results = bench.settle();
  REQUIRE(results.size() == 2);
  CHECK(results[0].error == Errc::outcome_unknown);
  CHECK(results[1].error == Errc::stopped);
  CHECK(bench.at(1).acceptor().state().map == nullptr);

  wire::Call call;
  call.kind = CallKind::prepare;
  call.voter = wire::VoterRequest{.cluster = kCluster, .voter = NodeId{1}, .ballot = ballot(9)};
  CHECK(bench.at(1).on_call(call).error == Errc::incompatible);
  call.voter.reset();
  CHECK(bench.at(1).on_call(call).error == Errc::incompatible);
}

TEST_CASE("5: a newcomer tells a proposer whose map is too old the one that it came with") {
  Bench bench(map_of(1, {1}));
  const ClusterMapPtr came_with = map_of(4, {2, 3});
  bench.at(1).become(came_with, newcomer_to(*came_with));
  for (const std::uint64_t voter : {2u, 3u}) {
    AcceptorState remembered{.cluster = kCluster, .promised = ballot(3), .accepted = ballot(3), .map = came_with};
    bench.at(voter).become(came_with, remembered);
  }
  bench.read(4);  // knows no other voter than node 1
  const Result result = bench.result();
  REQUIRE_FALSE(result.error);
  CHECK(result.map->revision == 4);
}

TEST_CASE("6: an election is one for its voters, and learns how long ago they confirmed another") {
  Bench bench(map_of(1, {1, 2, 3}));
  std::size_t elections = 0;
  bench.lost = [&](auto, auto, const wire::Call& call) {
    elections += call.voter->election;
    return false;
  };
  bench.elect(2, lead(2));
  Result result = bench.result();
  CHECK_FALSE(result.error);
  CHECK(result.map->leader == NodeId{2});
  CHECK_FALSE(result.confirmed_ms_ago);
  CHECK(elections == bench.asked);

  bench.elect(2, lead(2));
  result = bench.result();
  CHECK(result.error == Errc::conflict);
  CHECK(result.map->leader == NodeId{2});
}

TEST_CASE("6: who has become leader while it stands for election can change the map at once (seed 69732)") {
  const ClusterMapPtr first = map_of(1, {1, 2, 3});
  Bench bench(first);
  // As voters do that have just confirmed the present leader.
  bench.lost = [](auto, auto, const wire::Call& call) { return call.voter->election; };
  bench.elect(2, lead(2));
  bench.scheduler.run_for(std::chrono::milliseconds{100});
  bench.compare_and_set(1, 1, lead(2)(first));
  bench.scheduler.run_for(std::chrono::milliseconds{100});
  REQUIRE(bench.results.size() == 1);
  const ClusterMapPtr handed_over = std::exchange(bench.results, {})[0].map;
  REQUIRE(handed_over->leader == NodeId{2});

  bench.at(2).learn(handed_over);
  bench.at(2).give_up_election();
  bench.compare_and_set(2, 2, lead(3)(handed_over));
  bench.scheduler.run_for(std::chrono::milliseconds{100});
  REQUIRE(bench.results.size() == 2);
  CHECK(bench.results[0].error == Errc::not_applied);
  CHECK_FALSE(bench.results[1].error);
}

TEST_CASE(
    "6: a read rids a voter of the leader that it alone has accepted, after others have outvoted it (seed 3018220)") {
  const ClusterMapPtr first = map_of(1, {1, 2, 3});
  Bench bench(first);
  const auto accept = [&](std::uint64_t voter, std::uint64_t counter, const ClusterMapPtr& map) {
    const wire::Ballot at{.counter = counter, .node = NodeId{voter}, .boot = 1};
    bench.at(voter).become(first, {.cluster = first->cluster, .promised = at, .accepted = at, .map = map});
  };
  accept(1, 6, lead(2)(first));
  accept(2, 7, first);
  accept(3, 7, first);

  bench.lost = [](std::uint64_t, std::uint64_t to, const wire::Call&) { return to == 3; };
  bench.read(1);
  CHECK(bench.result().map == first);
  CHECK(bench.at(1).acceptor().state().map->leader == first->leader);
}

TEST_CASE("6: an election that is given up before its turn leaves what goes before it alone") {
  const ClusterMapPtr first = map_of(1, {1, 2, 3});
  Bench bench(first);
  bench.read(2);
  bench.elect(2, lead(2));
  bench.at(2).give_up_election();
  bench.at(2).give_up_election();
  const auto results = bench.settle();
  REQUIRE(results.size() == 2);
  CHECK(results[0].error == Errc::not_applied);
  CHECK_FALSE(results[1].error);
  CHECK(results[1].map->leader == first->leader);
}

TEST_CASE("a register can be destroyed with operations under way, and by a handler") {
  Bench bench(map_of(1, {1, 2, 3}));
  std::size_t called = 0;
  for (int i = 0; i < 2; ++i) {
    bench.at(4).read([&](std::error_code, const ClusterMapPtr&) {
      ++called;
      bench.destroy(4);
    });
  }
  bench.read(5);
  bench.scheduler.run_one();
  bench.destroy(5);
  CHECK(bench.settle().empty());
  CHECK(called == 1);
}

}  // namespace dht::testing
