// ReportBook: the newest report of every node.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <map>
#include <set>
#include <span>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/membership.h>

namespace dht::cluster {

class ReportBook {
 public:
  /// Replaces what the node reported before. True where it had not, or says something else about partitions.
  bool replace(NodeId node, NodeReport report);
  /// Forgets nodes that are not in the map.
  void keep_only(const ClusterMap& map);

  StorageStatistics statistics(NodeId node) const;
  bool is_full(NodeId node) const;
  /// The node may come back with what it has. It says so also while it is called down and not believed yet.
  void note_durable(NodeId node) { durable_.insert(node); }
  bool is_durable(NodeId node) const { return durable_.contains(node); }
  /// The partitions of which it has an old copy, in ascending order. Valid until the book changes.
  std::span<const PartitionId> old_copies(NodeId node) const;
  bool has_old_copy(NodeId node, PartitionId partition) const;
  bool has(NodeId node) const { return reports_.contains(node); }
  /// True, too, where the node has not reported yet: it may.
  bool may_hold_copies(NodeId node, ClusterId of) const;

  /// What the node last said of that partition; null where it says nothing.
  const PartitionReport* find(NodeId node, PartitionId partition) const;
  /// By partition: what its primary says of the present epoch; null where it says nothing. Reports that a later map
  /// has overtaken are not found. Valid until the book changes.
  std::vector<const PartitionReport*> current(const ClusterMap& map) const;

  /// By partition: which backups of the present epoch have told where they stand, and take nothing more in it.
  struct Sealed {
    NodeId backup{};
    ReplicaPosition at{};
  };
  std::map<PartitionId, std::vector<Sealed>> sealed(const ClusterMap& map) const;

 private:
  std::map<NodeId, NodeReport> reports_;
  std::set<NodeId> durable_;
};

}  // namespace dht::cluster
