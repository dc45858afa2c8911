#include "simulation/properties/no_lease_while_down.h"

#include <vector>

#include <doctest/doctest.h>

namespace dht::testing::simulation {
namespace {

using Holders = std::vector<DownBook::Holder>;

constexpr NodeId kFirst{1};
constexpr NodeId kSecond{2};

ClusterMap map_of(Revision revision, NodeState state_of_second) {
  ClusterMap map;
  map.revision = revision;
  map.nodes.push_back({.id = kFirst, .name = "node0"});
  map.nodes.push_back({.id = kSecond, .name = "node1", .state = state_of_second});
  return map;
}

TEST_CASE("a node that is down and holds a lease is named") {
  DownBook book;
  book.adopt(map_of(7, NodeState::down));
  CHECK_FALSE(book.down_with_lease(Holders{{"node0", kFirst}}));
  CHECK(book.down_with_lease(Holders{{"node0", kFirst}, {"node1", kSecond}}) ==
        "node1 holds a lease, and was called down, as of revision 7");
}

TEST_CASE("a node that is active again may hold a lease") {
  DownBook book;
  book.adopt(map_of(7, NodeState::down));
  book.adopt(map_of(8, NodeState::active));
  CHECK_FALSE(book.down_with_lease(Holders{{"node1", kSecond}}));
}

TEST_CASE("a node that was given up while it was down stays down") {
  DownBook book;
  book.adopt(map_of(7, NodeState::down));
  ClusterMap without = map_of(8, NodeState::active);
  without.nodes.pop_back();
  book.adopt(without);
  CHECK(book.down_with_lease(Holders{{"node1", kSecond}}));
}

TEST_CASE("a node that has left in order may hold the rest of its lease") {
  DownBook book;
  book.adopt(map_of(7, NodeState::leaving));
  ClusterMap without = map_of(8, NodeState::active);
  without.nodes.pop_back();
  book.adopt(without);
  CHECK_FALSE(book.down_with_lease(Holders{{"node1", kSecond}}));
}

}  // namespace
}  // namespace dht::testing::simulation
