#include "simulation/properties/rest.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "maps.h"

namespace dht::testing::simulation {
namespace {

/// What both nodes say of themselves where all is as the map says.
std::vector<NodeStatus> statuses(const ClusterMap& map) {
  std::vector<NodeStatus> both(2);
  for (std::size_t i = 0; i < both.size(); ++i) {
    both[i].id = NodeId{i + 1};
    both[i].name = "node" + std::to_string(i + 1);
    both[i].map = shared(map);
    for (PartitionId partition = 0; partition < map.partitions.size(); ++partition) {
      if (map.partitions[partition].primary == both[i].id) both[i].serving.push_back(partition);
    }
  }
  return both;
}

TEST_CASE("members that agree and serve what is theirs are at rest, and evenly spread") {
  CHECK_FALSE(unrest(statuses(map_of_two())));
  CHECK_FALSE(unevenness(statuses(map_of_two())));
}

TEST_CASE("a member with an older map keeps the cluster from its rest") {
  std::vector<NodeStatus> both = statuses(map_of_two());
  ClusterMap older = map_of_two();
  older.revision = 4;
  both[1].map = shared(older);
  CHECK(unrest(both) == "node1 has revision 5 of the map, and node2 has 4");
}

TEST_CASE("a member that is not in the map, or leaving, or down, or not running keeps it from its rest") {
  const ClusterMap map = map_of_two();
  std::vector<NodeStatus> both = statuses(map);
  both[1].id = NodeId{3};
  CHECK(unrest(both) == "node2 is not in the map");
  for (const NodeState state : {NodeState::joining, NodeState::leaving, NodeState::down}) {
    ClusterMap changing = map;
    changing.nodes[1].state = state;
    CHECK(unrest(statuses(changing)) == "node2 is still " + std::string(to_string(state)));
  }
  both = statuses(map);
  both.pop_back();
  CHECK(unrest(both) == "node2 is active and does not run");
  CHECK(unrest({}) == "no member runs");
}

TEST_CASE("voters to come, a move and a partition that is not served keep it from its rest") {
  ClusterMap map = map_of_two();
  map.next_voters = {NodeId{1}, NodeId{2}};
  CHECK(unrest(statuses(map)) == "the voters are changing");
  map = map_of_two();
  map.partitions[3].learners = {{NodeId{2}, 5}};
  CHECK(unrest(statuses(map)) == "partition 3 is on the move");
  std::vector<NodeStatus> both = statuses(map_of_two());
  both[1].serving.pop_back();
  CHECK(unrest(both) == "node2 does not serve partition 7, which is its own");
}

TEST_CASE("shares may differ by one, and not by more") {
  ClusterMap map = map_of_two();
  map.partitions[4].primary = NodeId{1};
  CHECK(unevenness(statuses(map)) == "node2 is primary for 3 partitions, of 8 that 2 members share");
  map = map_of_two();
  map.partitions.pop_back();
  CHECK_FALSE(unevenness(statuses(map)));
}

}  // namespace
}  // namespace dht::testing::simulation
