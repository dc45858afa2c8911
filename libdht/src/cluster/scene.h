// Scene: what the parts of the leader look at while they deal with one event, and where their answers go.
//
// Thread rule: borrows everything; for the time of one call.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cluster/leader_effects.h"
#include "cluster/report_book.h"
#include "cluster/waiting_calls.h"
#include "lease/grant_book.h"

namespace dht::cluster {

struct Scene {
  const ClusterMapPtr& map;       ///< the newest chosen one
  const ClusterMapPtr& proposal;  ///< the change under way, or null
  const lease::GrantBook& grants;
  const ReportBook& reports;
  WaitingCalls& waiting;
  Instant now;
  LeaderEffects& effects;

  bool is_alive(NodeId node) const { return grants.is_alive(node, now); }
};

/// Of how many partitions the node is primary.
inline std::uint64_t primaries_of(const ClusterMap& map, NodeId node) {
  return static_cast<std::uint64_t>(std::count_if(map.partitions.begin(), map.partitions.end(),
                                                  [node](const auto& record) { return record.primary == node; }));
}

/// Of how many partitions the node is learner.
inline std::uint64_t learners_of(const ClusterMap& map, NodeId node) {
  std::uint64_t count = 0;
  for (const PartitionRecord& record : map.partitions) {
    count += static_cast<std::uint64_t>(std::count_if(record.learners.begin(), record.learners.end(),
                                                      [node](const auto& learner) { return learner.node == node; }));
  }
  return count;
}

/// Whether the map can do without the node: no role in a partition, no vote.
inline bool is_removable(const ClusterMap& map, NodeId node) {
  const auto has = [node](const std::vector<NodeId>& list) {
    return std::find(list.begin(), list.end(), node) != list.end();
  };
  return !map.is_voter(node) && primaries_of(map, node) == 0 && learners_of(map, node) == 0 &&
         std::none_of(map.partitions.begin(), map.partitions.end(),
                      [&](const PartitionRecord& record) { return has(record.backups); });
}

/// A member has what others wait for: acknowledgements, partitions.
inline bool is_member(const NodeRecord* node) {
  return node != nullptr && (node->state == NodeState::active || node->state == NodeState::leaving);
}

}  // namespace dht::cluster
