// Which nodes should be voters. The paragraphs are those of the design: "The register" (5).
#include "cluster/voters.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "maps.h"

namespace dht::cluster {

namespace {

using Ids = std::vector<std::uint64_t>;

std::vector<NodeId> ids(const Ids& numbers) {
  std::vector<NodeId> list;
  for (const std::uint64_t number : numbers)
    list.push_back(NodeId{number});
  return list;
}

ClusterMap map_of(std::uint64_t leader, const Ids& voters, const Ids& next_voters = {}) {
  ClusterMap map;
  map.leader = NodeId{leader};
  map.voters = ids(voters);
  map.next_voters = ids(next_voters);
  return map;
}

}  // namespace

TEST_CASE("5: the largest odd number up to five: the leader, those that are voters already, then others by id") {
  struct Case {
    const char* name;
    std::uint64_t leader;
    Ids voters;
    Ids candidates;
    Ids wanted;
  };
  const std::vector<Case> cases{
      {"alone", 1, {1}, {1}, {1}},
      {"two nodes have one voter", 1, {1}, {1, 2}, {1}},
      {"two nodes of which the other leads now", 2, {1, 2}, {1, 2}, {2}},
      {"three", 1, {1}, {1, 2, 3}, {1, 2, 3}},
      {"in any order", 1, {1}, {3, 1, 2}, {1, 2, 3}},
      {"four have three", 1, {1, 2, 3}, {1, 2, 3, 4}, {1, 2, 3}},
      {"voters stay, whatever their ids", 1, {1, 8, 9}, {1, 2, 3, 8, 9}, {1, 8, 9, 2, 3}},
      {"voters stay where four are left", 1, {1, 8, 9}, {1, 2, 8, 9}, {1, 8, 9}},
      {"five", 1, {1, 2, 3}, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}},
      {"never more", 7, {1, 2, 3, 4, 7}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {7, 1, 2, 3, 4}},
      {"a dead voter is replaced", 1, {1, 2, 3}, {1, 3, 4}, {1, 3, 4}},
      {"a dead voter that nobody replaces takes another along", 1, {1, 2, 3}, {1, 3}, {1}},
      {"of five one is dead", 2, {1, 2, 3, 4, 5}, {2, 3, 4, 5}, {2, 3, 4}},
      {"a leader that is no voter yet becomes one", 9, {1, 2, 3}, {1, 2, 3, 9}, {9, 1, 2}},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    CHECK(plan_voters(map_of(row.leader, row.voters), ids(row.candidates)) == ids(row.wanted));
  }
}

TEST_CASE("5: planned voters are planned again as they are, and as few are exchanged as can be") {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    ClusterMap map = testing::random_map(random);
    std::vector<NodeId> candidates;
    for (const NodeRecord& node : map.nodes) {
      if (node.id == map.leader || random() % 3 != 0) candidates.push_back(node.id);
    }
    const std::vector<NodeId> wanted = plan_voters(map, candidates);
    CHECK(wanted.size() % 2 == 1);
    CHECK(wanted.size() == std::min<std::size_t>(5, candidates.size() - (candidates.size() + 1) % 2));
    CHECK(wanted.front() == map.leader);
    const auto is_in = [](const std::vector<NodeId>& list, NodeId node) {
      return std::find(list.begin(), list.end(), node) != list.end();
    };
    for (const NodeId node : wanted) {
      CHECK(is_in(candidates, node));
      if (is_in(map.voters, node) || node == map.leader) continue;
      for (const NodeId voter : map.voters)
        CHECK((is_in(wanted, voter) || !is_in(candidates, voter)));
    }
    map.voters = wanted;
    std::shuffle(candidates.begin(), candidates.end(), random);
    CHECK(same_voters(plan_voters(map, candidates), wanted));
  }
}

TEST_CASE("the order in which voters are named makes no difference, their number does") {
  CHECK(same_voters(ids({1, 2, 3}), ids({3, 1, 2})));
  CHECK(same_voters({}, {}));
  CHECK_FALSE(same_voters(ids({1, 2, 3}), ids({1, 2})));
  CHECK_FALSE(same_voters(ids({1, 2, 3}), ids({1, 2, 4})));
}

TEST_CASE("5: who may be elected leader: a voter that will still be one when a change of voters is complete") {
  struct Case {
    ClusterMap map;
    Ids may;
  };
  for (const auto& [map, may] :
       {Case{map_of(1, {1}), {1}}, Case{map_of(1, {1, 2, 3}), {1, 2, 3}}, Case{map_of(1, {1}, {1, 2, 3}), {1, 2, 3}},
        Case{map_of(1, {1, 2, 3}, {1, 4, 5}), {1, 4, 5}}, Case{map_of(2, {1}, {2}), {2}}}) {
    for (std::uint64_t node = 1; node <= 6; ++node) {
      CAPTURE(node);
      CHECK(may_lead(map, NodeId{node}) == (std::count(may.begin(), may.end(), node) == 1));
    }
  }
}

}  // namespace dht::cluster
