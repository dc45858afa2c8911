#include "agreement/quorum.h"

#include <cstdint>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "maps.h"

namespace dht::testing {

namespace {

using namespace agreement;
using NumberList = std::vector<std::uint64_t>;

std::set<NodeId> set_of(const NumberList& numbers) {
  const auto list = ids(numbers);
  return {list.begin(), list.end()};
}

}  // namespace

TEST_CASE("5: a majority is more than half of the voters") {
  struct Row {
    NumberList voters;
    NumberList yes;
    bool expected;
  };
  const Row rows[] = {
      {{1}, {}, false},          {{1}, {1}, true},           {{1}, {2}, false},
      {{1, 2}, {1}, false},      {{1, 2}, {1, 2}, true},     {{1, 2, 3}, {3}, false},
      {{1, 2, 3}, {1, 3}, true}, {{1, 2, 3}, {1, 4}, false}, {{1, 2, 3, 4, 5}, {1, 2, 6, 7}, false},
      {{}, {}, false},           {{}, {1}, false},           {{1, 2, 3, 4, 5}, {1, 4, 5}, true},
  };
  for (const Row& row : rows)
    CHECK(is_majority(ids(row.voters), set_of(row.yes)) == row.expected);
}

TEST_CASE("5: while the voters change, a quorum is a majority of those of old and of those to come") {
  struct Row {
    NumberList voters;
    NumberList next;
    NumberList yes;
    bool expected;
  };
  const Row rows[] = {
      {{1, 2, 3}, {}, {1, 2}, true},   {{1, 2, 3}, {4}, {1, 2}, false},       {{1, 2, 3}, {4}, {1, 2, 4}, true},
      {{1, 2, 3}, {4}, {1, 4}, false}, {{1, 2, 3}, {3, 4, 5}, {2, 3}, false}, {{1, 2, 3}, {3, 4, 5}, {2, 3, 4}, true},
      {{1}, {1, 2, 3}, {1, 3}, true},  {{1}, {1, 2, 3}, {2, 3}, false},
  };
  for (const Row& row : rows)
    CHECK(is_quorum(*map_of(1, row.voters, row.next), set_of(row.yes)) == row.expected);
  CHECK(all_voters(*map_of(1, {1, 2, 3}, {3, 2, 5})) == ids({1, 2, 3, 5}));
}

TEST_CASE("5: voters to come, once named, are the only ones that can be next") {
  struct Row {
    NumberList voters, next;    // of the newest map
    NumberList voters2, next2;  // of what is to follow
    bool expected;
  };
  const Row rows[] = {
      {{1, 2, 3}, {}, {1, 2, 3}, {}, true},         // nothing changes
      {{1, 2, 3}, {}, {1, 2, 3}, {3, 4, 5}, true},  // a change begins
      {{1, 2, 3}, {}, {3, 4, 5}, {}, false},        // it may not be skipped
      {{1, 2, 3}, {}, {1, 2}, {}, false},
      {{1, 2, 3}, {4}, {1, 2, 3}, {4}, true},   // it goes on
      {{1, 2, 3}, {4}, {4}, {}, true},          // and ends
      {{1, 2, 3}, {4}, {4}, {1, 2, 3}, true},   // or goes back
      {{1, 2, 3}, {4}, {1, 2, 3}, {}, false},   // but cannot be called off,
      {{1, 2, 3}, {4}, {1, 2, 3}, {5}, false},  // nor replaced
      {{1, 2, 3}, {4}, {5}, {4}, false},
  };
  for (const Row& row : rows)
    CHECK(may_follow(*map_of(4, row.voters, row.next), *map_of(5, row.voters2, row.next2)) == row.expected);
}

TEST_CASE("5: what follows is the next revision of the same cluster, with its settings, of no earlier generation") {
  const ClusterMap newest = *map_of(4, {1, 2, 3});
  ClusterMap next = *map_of(5, {1, 2, 3});
  CHECK(may_follow(newest, next));
  SUBCASE("of another cluster") { next.cluster = ClusterId{5}; }
  SUBCASE("with other settings") { next.settings.replicas = 3; }
  SUBCASE("of the same revision") { next.revision = 4; }
  SUBCASE("of a later revision") { next.revision = 6; }
  SUBCASE("of an earlier generation") { next.generation = 0; }
  CHECK_FALSE(may_follow(newest, next));
}

}  // namespace dht::testing
