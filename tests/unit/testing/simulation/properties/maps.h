// Maps for tests of the properties.
//
// Thread rule: pure functions.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <dht/cluster_map.h>

namespace dht::testing::simulation {

/// A cluster of node 1, with eight partitions.
inline ClusterMap lone_map() {
  return found_cluster(ClusterId{7}, {.partitions = 8}, NodeId{1}, "node1", Address{"node1", 9876});
}

/// Nodes 1 and 2, both active, with four partitions each.
inline ClusterMap map_of_two() {
  ClusterMap map = lone_map();
  map.revision = 5;
  map.nodes.push_back({NodeId{2}, "node2", Address{"node2", 9876}, NodeState::active});
  for (PartitionId partition = 4; partition < 8; ++partition)
    map.partitions[partition].primary = NodeId{2};
  return map;
}

inline ClusterMapPtr shared(ClusterMap map) { return std::make_shared<const ClusterMap>(std::move(map)); }

}  // namespace dht::testing::simulation
