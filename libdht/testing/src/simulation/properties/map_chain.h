// One chain: maps of one revision are the same on every node, the leader's generation never goes back from one revision
// to the next, and no process goes back to an older map of its cluster.
//
// Thread rule: one object, one thread.
#pragma once

#include <map>
#include <optional>
#include <string>

#include <dht/cluster_map.h>

namespace dht::testing::simulation {

class MapChain {
 public:
  /// A node has this map now. What is wrong with that.
  std::optional<std::string> see(NodeId node, const ClusterMapPtr& map);
  /// The node's process was restarted: what it had not on disk yet it learns anew.
  void restart(NodeId node) { latest_.erase(node); }

 private:
  std::optional<std::string> insert(const ClusterMapPtr& map);

  std::map<ClusterId, std::map<Revision, ClusterMapPtr>> maps_;
  std::map<NodeId, ClusterMapPtr> latest_;
};

}  // namespace dht::testing::simulation
