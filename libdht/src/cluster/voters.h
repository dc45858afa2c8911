// Which nodes should be voters (design: "The register"). Pure functions.
//
// Thread rule: pure functions.
#pragma once

#include <vector>

#include <dht/cluster_map.h>

namespace dht::cluster {

/// No cluster has more voters: each takes part in every change of the map.
inline constexpr std::size_t kMostVoters = 5;

/// The voters that the cluster of `map` should have: the largest odd number up to `kMostVoters` and to the number of
/// `candidates`, the leader first, then those that are voters already, then others in ascending order of id. The
/// candidates are the active members that hold a lease, the leader among them, in any order.
std::vector<NodeId> plan_voters(const ClusterMap& map, std::vector<NodeId> candidates);

/// The same nodes, in whatever order.
bool same_voters(std::vector<NodeId> a, std::vector<NodeId> b);

/// Whether the node may be elected leader: it is a voter that will still be one when a change of voters is complete.
bool may_lead(const ClusterMap& map, NodeId node);

}  // namespace dht::cluster
