// What the parts of the growth benchmark have in common: processor time, and maps of any size whose partitions lie
// evenly.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include <dht/cluster_map.h>

#include "cluster/layout.h"

namespace dht::growth {

/// Of this process, so far.
double processor_seconds();

/// Ids are spread over all 64 bits, as random ones are, and the same in every run.
NodeRecord make_node(std::size_t number, NodeState state);

/// As the planner lays it out in a cluster that was founded by one node. All members are active; the first leads, and
/// up to five vote.
ClusterMap make_map(std::size_t nodes, std::uint32_t partitions, std::uint32_t copies = kDefaultReplicas);

/// Copies that the change to this map begins.
std::uint64_t learners_added_by(const ClusterMap& map);

std::vector<cluster::Holding> holdings(const ClusterMap& map);
std::vector<NodeId> members(const ClusterMap& map);

}  // namespace dht::growth
