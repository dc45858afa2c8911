#include "register_history.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <doctest/doctest.h>

#include <dht/error.h>

namespace dht::testing {

namespace {

ClusterMapPtr first_map() {
  return std::make_shared<const ClusterMap>(
      found_cluster(ClusterId{77}, {.partitions = 1}, NodeId{1}, "n1", {"host", 9876}));
}

struct Bench {
  ClusterMapPtr first = first_map();
  RegisterHistory history{first};

  ClusterMapPtr propose(RegisterHistory::OperationId operation, const ClusterMapPtr& base) {
    ClusterMap next = *base;
    ++next.revision;
    return history.propose(operation, base, std::move(next));
  }
  /// A change that begins, and succeeds at once.
  ClusterMapPtr change(const ClusterMapPtr& base) {
    const auto operation = history.begin();
    const ClusterMapPtr next = propose(operation, base);
    history.end_change(operation, {}, next);
    return next;
  }
  void read(const ClusterMapPtr& map) { history.end_read(history.begin(), {}, map); }
  bool is_right() const { return history.fault().empty(); }
};

}  // namespace

TEST_CASE("changes one after the other, and reads that see them, are right") {
  Bench bench;
  bench.read(bench.first);
  const ClusterMapPtr second = bench.change(bench.first);
  bench.read(second);
  bench.change(second);
  CHECK(bench.is_right());
  CHECK(bench.history.newest()->revision == 3);
  CHECK(bench.history.older(1) == second);
  CHECK(bench.history.older(9) == bench.first);
}

TEST_CASE("what overlaps may be seen in any order") {
  Bench bench;
  const auto change = bench.history.begin();
  const auto early = bench.history.begin();
  const auto late = bench.history.begin();
  const ClusterMapPtr second = bench.propose(change, bench.first);
  bench.history.end_read(early, {}, second);
  bench.history.end_read(late, {}, bench.first);
  bench.history.end_change(change, {}, second);
  CHECK(bench.is_right());
}

TEST_CASE("a read that goes back is wrong") {
  Bench bench;
  const ClusterMapPtr second = bench.change(bench.first);
  SUBCASE("behind a change") { bench.read(bench.first); }
  SUBCASE("behind a conflict") {
    const auto change = bench.history.begin();
    bench.propose(change, second);
    bench.history.end_change(change, Errc::conflict, bench.first);
  }
  CHECK_FALSE(bench.is_right());
}

TEST_CASE("a revision that has two maps is wrong") {
  Bench bench;
  const auto one = bench.history.begin();
  const auto two = bench.history.begin();
  const ClusterMapPtr second = bench.propose(one, bench.first);
  const ClusterMapPtr other = bench.propose(two, bench.first);
  bench.history.end_change(one, {}, second);
  SUBCASE("shown") { bench.history.end_change(two, {}, other); }
  SUBCASE("or known from what was made of it") { bench.read(bench.propose(two, other)); }
  CHECK_FALSE(bench.is_right());
}

TEST_CASE("what failed for certain is not chosen, before or after; what may have failed may be") {
  for (const Errc error : {Errc::conflict, Errc::not_applied, Errc::stopped, Errc::outcome_unknown}) {
    for (const bool before : {false, true}) {
      Bench bench;
      const auto change = bench.history.begin();
      const ClusterMapPtr next = bench.propose(change, bench.first);
      if (before) bench.read(next);
      bench.history.end_change(change, error, nullptr);
      if (!before) bench.read(next);
      CHECK(bench.is_right() == (error == Errc::outcome_unknown));
    }
  }
}

TEST_CASE("other wrong ends") {
  Bench bench;
  const auto operation = bench.history.begin();
  const ClusterMapPtr next = bench.propose(operation, bench.first);
  SUBCASE("twice") {
    bench.history.end_change(operation, {}, next);
    bench.history.end_change(operation, {}, next);
  }
  SUBCASE("after it was abandoned") {
    bench.history.abandon(operation);
    bench.history.end_change(operation, {}, next);
  }
  SUBCASE("with another's map") { bench.history.end_change(operation, {}, bench.change(bench.first)); }
  SUBCASE("with an error that it does not have") { bench.history.end_change(operation, Errc::too_large, nullptr); }
  SUBCASE("a read with one that speaks of a change") {
    bench.history.end_read(bench.history.begin(), Errc::outcome_unknown, nullptr);
  }
  SUBCASE("with a map from nowhere") {
    ClusterMap nowhere = *next;
    nowhere.partitions[0].epoch = 99;
    bench.read(std::make_shared<const ClusterMap>(nowhere));
  }
  CHECK_FALSE(bench.is_right());
}

TEST_CASE("what can be chosen: the newest map, and proposals that are not older and have not failed for certain") {
  Bench bench;
  const ClusterMapPtr second = bench.change(bench.first);
  const auto lost = bench.history.begin();
  const ClusterMapPtr third = bench.propose(lost, second);
  bench.history.abandon(lost);
  const auto failed = bench.history.begin();
  bench.propose(failed, second);
  bench.history.end_change(failed, Errc::not_applied, nullptr);
  const auto open = bench.history.open();
  CHECK(std::count(open.begin(), open.end(), third) == 1);
  for (const ClusterMapPtr& map : open)
    CHECK((*map == *second || map == third));
}

}  // namespace dht::testing
