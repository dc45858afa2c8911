// Quorums: which voters must have said yes, and which map may come after which.
//
// Thread rule: pure functions.
#pragma once

#include <set>
#include <span>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/types.h>

namespace dht::agreement {

/// More than half of `voters`, each of whom is named once, are among `yes`.
bool is_majority(std::span<const NodeId> voters, const std::set<NodeId>& yes);

/// A majority of every list of voters that the map names: the present ones and, where the voters change, those to come.
bool is_quorum(const ClusterMap& map, const std::set<NodeId>& yes);

/// Everybody in those lists, once each.
std::vector<NodeId> all_voters(const ClusterMap& map);

/// Whether `next` may be proposed in place of `newest`: the next revision of the same cluster with the same settings,
/// and a list of voters in common. Voters to come, once named, cannot be dropped; only they can be next. For whoever
/// knows no more than the voters of old finds, at a majority of them, maps that all name those to come, and so the way
/// to the present.
bool may_follow(const ClusterMap& newest, const ClusterMap& next);

}  // namespace dht::agreement
