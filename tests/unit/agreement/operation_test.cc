#include "agreement/operation.h"

#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "maps.h"

namespace dht::testing {

namespace {

using namespace agreement;

Operation change_operation() {
  return Operation(
      true, [](const ClusterMapPtr&) { return ClusterMapPtr{}; }, [](const Outcome&) {});
}

}  // namespace

TEST_CASE("5: what is said of a change, by what was proposed and what is chosen") {
  const ClusterMapPtr r3 = map_of(3, {1});
  const ClusterMapPtr mine4 = map_of(4, {1}, {}, 1);
  const ClusterMapPtr other4 = map_of(4, {1}, {}, 2);
  const ClusterMapPtr mine5 = map_of(5, {1}, {}, 1);
  const ClusterMapPtr r6 = map_of(6, {1});
  struct Row {
    std::vector<ClusterMapPtr> proposed;
    ClusterMapPtr newest;
    std::optional<Errc> settled;
    std::optional<Errc> given_up;
  };
  const Row rows[] = {
      {{}, r3, Errc::conflict, Errc::stopped},
      {{mine4}, mine4, std::nullopt, std::nullopt},
      {{mine4}, map_of(4, {1}, {}, 1), std::nullopt, std::nullopt},  // the same map, written back by another
      {{mine4}, other4, Errc::conflict, Errc::stopped},              // it cannot be chosen any more
      {{mine4}, r3, Errc::outcome_unknown, Errc::outcome_unknown},   // it may be chosen yet
      {{mine4}, r6, Errc::outcome_unknown, Errc::outcome_unknown},   // it may have been chosen on the way
      {{mine4, mine5}, mine5, std::nullopt, std::nullopt},
      {{mine4, mine5}, mine4, std::nullopt, std::nullopt},
      {{mine4, mine5}, other4, Errc::outcome_unknown, Errc::outcome_unknown},
  };
  for (const Row& row : rows) {
    Operation operation = change_operation();
    for (const ClusterMapPtr& map : row.proposed)
      operation.on_proposed(map);
    const Outcome settled = operation.settled(row.newest);
    CHECK(settled.error == (row.settled ? make_error_code(*row.settled) : std::error_code{}));
    CHECK(settled.newest == row.newest);
    const Outcome given_up = operation.given_up(row.newest, Errc::stopped);
    CHECK(given_up.error == (row.given_up ? make_error_code(*row.given_up) : std::error_code{}));
    CHECK(operation.has_succeeded(*row.newest) == !row.settled);
  }
}

TEST_CASE("6: where another completed an election, its voters may have confirmed a leader just now") {
  const ClusterMapPtr mine = map_of(4, {1});
  Operation operation = change_operation();
  operation.on_proposed(mine);
  CHECK(operation.settled(mine).confirmed_ms_ago == 0);
  CHECK(operation.given_up(mine, Errc::not_applied).confirmed_ms_ago == 0);
}

TEST_CASE("a read ends with the newest map, or without having changed anything") {
  const ClusterMapPtr map = map_of(4, {1});
  const Operation read(false, nullptr, [](const Outcome&) {});
  CHECK(read.is_read());
  CHECK_FALSE(read.settled(map).error);
  CHECK(read.settled(map).newest == map);
  CHECK(read.given_up(map, Errc::not_applied).error == Errc::not_applied);
}

}  // namespace dht::testing
