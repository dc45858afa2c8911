// What decisions about moves look at besides the map, and what they ask of it.
//
// Thread rule: plain values and pure functions.
#pragma once

#include <algorithm>
#include <set>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/scheduler.h>

#include "cluster/layout.h"
#include "cluster/report_book.h"
#include "lease/grant_book.h"

namespace dht::cluster {

struct MoveInputs {
  const lease::GrantBook& grants;
  const ReportBook& reports;
  const std::set<NodeId>& shunned;  ///< active nodes that nothing is to be given to
  const std::set<NodeId>& asides;   ///< those of them that are about to stop, and come back
  Instant now;
};

template <typename T>
bool contains(const std::vector<T>& list, const T& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// Whether partitions may be given to the node.
inline bool is_target(const ClusterMap& map, NodeId id, const MoveInputs& inputs) {
  const NodeRecord* node = map.find(id);
  return node != nullptr && node->state == NodeState::active && inputs.grants.is_alive(id, inputs.now) &&
         !inputs.shunned.contains(id);
}

inline bool is_alive(const ClusterMap& map, NodeId id, const MoveInputs& inputs) {
  const NodeRecord* node = map.find(id);
  return node != nullptr && node->state != NodeState::down && inputs.grants.is_alive(id, inputs.now);
}

/// Everybody who should hold the partition.
inline std::vector<NodeId> everybody(const Holding& holding) {
  std::vector<NodeId> nodes = holding.backups;
  nodes.push_back(holding.primary);
  return nodes;
}

}  // namespace dht::cluster
