#include "cluster/held_register.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/manual_scheduler.h>

#include "cluster/map_change.h"
#include "maps.h"

namespace dht::testing {

namespace {

using cluster::HeldRegister;
using cluster::MapChange;
using wire::CallKind;

ClusterMapPtr share(ClusterMap map) { return std::make_shared<const ClusterMap>(std::move(map)); }

ClusterMapPtr next_of(const ClusterMap& map, std::uint64_t newcomer = 9) {
  MapChange change(map);
  change.add_joining(node_record(newcomer));
  return share(std::move(change).finish());
}

struct Outcome {
  std::error_code error{};
  ClusterMapPtr map{};
};

/// A register on virtual time. What it asks the holder waits until the test answers.
struct Bench {
  ManualScheduler scheduler;
  std::vector<std::pair<wire::Call, Function<void(wire::Answer)>>> asked;
  std::vector<Outcome> outcomes;
  std::unique_ptr<HeldRegister> held =
      std::make_unique<HeldRegister>(scheduler, [this](wire::Call call, Function<void(wire::Answer)> answer) {
        asked.emplace_back(std::move(call), std::move(answer));
      });

  void read() {
    held->read([this](std::error_code error, ClusterMapPtr map) { outcomes.push_back({error, std::move(map)}); });
  }
  void compare_and_set(Revision expected, ClusterMapPtr next) {
    held->compare_and_set(expected, std::move(next), [this](std::error_code error, ClusterMapPtr map) {
      outcomes.push_back({error, std::move(map)});
    });
  }
  void answer(wire::Answer answer) {
    REQUIRE(asked.size() == 1);
    asked[0].second(std::move(answer));
    asked.clear();
  }
  Outcome outcome() {
    CHECK(outcomes.empty());  // never inside the call
    scheduler.run_until_idle();
    REQUIRE(outcomes.size() == 1);
    return std::exchange(outcomes, {})[0];
  }
};

wire::Answer error_answer(Errc error, ClusterMapPtr map = nullptr) {
  wire::Answer answer;
  answer.error = error;
  answer.map = std::move(map);
  return answer;
}

wire::Answer map_answer(ClusterMapPtr map) {
  wire::Answer answer;
  answer.map = std::move(map);
  return answer;
}

}  // namespace

TEST_CASE("5: the holder reads what it holds, and changes it from one revision to the next") {
  Bench bench;
  const ClusterMapPtr first = share(even_map(2, 8));
  bench.held->hold(first);
  CHECK(bench.held->is_holder());
  bench.read();
  CHECK(bench.outcome().map == first);
  const ClusterMapPtr second = next_of(*first);
  bench.compare_and_set(1, second);
  Outcome outcome = bench.outcome();
  CHECK_FALSE(outcome.error);
  CHECK(outcome.map == second);
  bench.read();
  outcome = bench.outcome();
  CHECK_FALSE(outcome.error);
  CHECK(outcome.map == second);
  CHECK(bench.asked.empty());
}

TEST_CASE("5: a change from another revision is a conflict, and gives the newest map") {
  Bench bench;
  const ClusterMapPtr first = share(even_map(2, 8));
  const ClusterMapPtr second = next_of(*first);
  bench.held->hold(second);
  bench.compare_and_set(1, next_of(*first, 8));
  Outcome outcome = bench.outcome();
  CHECK(outcome.error == Errc::conflict);
  CHECK(outcome.map == second);
  bench.compare_and_set(3, next_of(*next_of(*second, 7), 8));
  outcome = bench.outcome();
  CHECK(outcome.error == Errc::conflict);
  CHECK(outcome.map == second);
}

TEST_CASE("5: a map that cannot follow is refused and changes nothing") {
  Bench bench;
  const ClusterMapPtr first = share(even_map(2, 8));
  bench.held->hold(first);
  ClusterMap bad = *next_of(*first);
  SUBCASE("of another cluster") { bad.cluster = ClusterId{5}; }
  SUBCASE("that skips a revision") { ++bad.revision; }
  SUBCASE("of the same revision") { --bad.revision; }
  SUBCASE("of an earlier generation") { --bad.generation; }
  SUBCASE("unsound") { bad.partitions[3].primary = NodeId{99}; }
  bench.compare_and_set(1, share(bad));
  CHECK(bench.outcome().error == Errc::corrupt);
  bench.read();
  CHECK(bench.outcome().map == first);
}

TEST_CASE("5: of two changes of the same revision one is chosen") {
  Bench bench;
  const ClusterMapPtr first = share(even_map(2, 8));
  bench.held->hold(first);
  const ClusterMapPtr one = next_of(*first, 8);
  bench.compare_and_set(1, one);
  bench.compare_and_set(1, next_of(*first, 9));
  bench.scheduler.run_until_idle();
  REQUIRE(bench.outcomes.size() == 2);
  CHECK_FALSE(bench.outcomes[0].error);
  CHECK(bench.outcomes[1].error == Errc::conflict);
  CHECK(bench.outcomes[1].map == one);
}

TEST_CASE("5: who does not hold the register asks the holder, which answers for both calls") {
  Bench holder;
  const ClusterMapPtr first = share(even_map(2, 8));
  holder.held->hold(first);
  Bench bench;
  bench.read();
  REQUIRE(bench.asked.size() == 1);
  CHECK(bench.asked[0].first.kind == CallKind::register_read);
  bench.answer(holder.held->on_call(bench.asked[0].first));
  CHECK(bench.outcome().map == first);

  const ClusterMapPtr second = next_of(*first);
  bench.compare_and_set(1, second);
  REQUIRE(bench.asked.size() == 1);
  CHECK(bench.asked[0].first.kind == CallKind::register_compare_and_set);
  CHECK(bench.asked[0].first.revision == 1);
  bench.answer(holder.held->on_call(bench.asked[0].first));
  CHECK(bench.outcome().map == second);

  bench.compare_and_set(1, second);
  bench.answer(holder.held->on_call(bench.asked[0].first));
  const Outcome stale = bench.outcome();
  CHECK(stale.error == Errc::conflict);
  CHECK(stale.map == second);
}

TEST_CASE("5: a node that does not hold the register refuses calls, for now") {
  Bench bench;
  wire::Call call;
  call.kind = CallKind::register_read;
  CHECK(bench.held->on_call(call).error == Errc::not_applied);
  CHECK(bench.held->on_call(call).try_later);
  bench.held->hold(share(even_map(1, 8)));
  CHECK_FALSE(bench.held->on_call(call).error);
  const ClusterMapPtr given = bench.held->release();
  CHECK(given->revision == 1);
  CHECK_FALSE(bench.held->is_holder());
  CHECK(bench.held->on_call(call).error == Errc::not_applied);
}

TEST_CASE("what the holder's answer means, and what its silence means") {
  Bench bench;
  const ClusterMapPtr map = share(even_map(1, 8));
  struct Row {
    wire::Answer answer;
    std::optional<Errc> read;
    std::optional<Errc> write;
  };
  const Row rows[] = {
      {map_answer(map), std::nullopt, std::nullopt},
      {error_answer(Errc::not_applied), Errc::not_applied, Errc::not_applied},
      {error_answer(Errc::outcome_unknown), Errc::not_applied, Errc::outcome_unknown},
      {error_answer(Errc::stopped), Errc::stopped, Errc::stopped},
      {error_answer(Errc::conflict, map), Errc::not_applied, Errc::conflict},
      {error_answer(Errc::corrupt), Errc::not_applied, Errc::corrupt},
      // Answers that lack what they should carry.
      {map_answer(nullptr), Errc::not_applied, Errc::outcome_unknown},
      {error_answer(Errc::conflict), Errc::not_applied, Errc::not_applied},
  };
  for (const Row& row : rows) {
    CAPTURE(&row - rows);
    bench.read();
    bench.answer(row.answer);
    CHECK(bench.outcome().error == (row.read ? make_error_code(*row.read) : std::error_code{}));
    bench.compare_and_set(1, next_of(*map));
    bench.answer(row.answer);
    CHECK(bench.outcome().error == (row.write ? make_error_code(*row.write) : std::error_code{}));
  }
}

TEST_CASE("handlers are dropped when the register is destroyed, whenever the answer comes") {
  Bench bench;
  const auto owned = std::make_shared<int>(1);
  const auto keep = [&bench, owned](std::error_code error, ClusterMapPtr map) {
    bench.outcomes.push_back({error, std::move(map)});
  };
  bench.held->read(keep);  // asked, not answered
  bench.held->hold(share(even_map(1, 8)));
  bench.held->read(keep);  // answered, not delivered
  CHECK(owned.use_count() > 2);
  bench.held.reset();
  bench.answer(map_answer(share(even_map(1, 8))));
  bench.scheduler.run_until_idle();
  CHECK(bench.outcomes.empty());
}

}  // namespace dht::testing
