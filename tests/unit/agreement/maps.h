// Maps and voters for the tests of this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <dht/cluster_map.h>

#include "wire/ballot.h"

namespace dht::testing {

inline constexpr ClusterId kCluster{77};

inline ClusterMapPtr share(ClusterMap map) { return std::make_shared<const ClusterMap>(std::move(map)); }

inline std::vector<NodeId> ids(const std::vector<std::uint64_t>& numbers) {
  std::vector<NodeId> list;
  for (const std::uint64_t number : numbers)
    list.push_back(NodeId{number});
  return list;
}

/// Nodes 1 to 9, of whom those named are voters; the first one leads. `mark` tells maps of one revision apart.
inline ClusterMapPtr map_of(Revision revision, const std::vector<std::uint64_t>& voters,
                            const std::vector<std::uint64_t>& next_voters = {}, Epoch mark = 1) {
  ClusterMap map = found_cluster(kCluster, {.partitions = 1}, NodeId{1}, "n1", {"host1", 9876});
  for (std::uint64_t k = 2; k <= 9; ++k)
    map.nodes.push_back({NodeId{k}, "n" + std::to_string(k), {"host" + std::to_string(k), 9876}, NodeState::active});
  map.revision = revision;
  map.voters = ids(voters);
  map.next_voters = ids(next_voters);
  map.leader = map.voters.front();
  map.partitions[0].epoch = mark;
  return share(std::move(map));
}

inline wire::Ballot ballot(std::uint64_t counter, std::uint64_t node = 1, std::uint64_t boot = 1) {
  return {.counter = counter, .node = NodeId{node}, .boot = boot};
}

}  // namespace dht::testing
