// Spread: which member has adopted which revision of the map, and who is to be sent the newest.
//
// Thread rule: none of their own; use one object from one thread at a time.
#pragma once

#include <map>
#include <set>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/scheduler.h>

#include "lease/grant_book.h"

namespace dht::cluster {

class Spread {
 public:
  explicit Spread(NodeId self) : self_(self) {}

  /// True where the node was not settled in until now.
  bool acknowledge(NodeId node, Revision revision);
  bool has(NodeId node, Revision revision) const;
  /// Whether every alive member has acknowledged the revision, self included. Joining nodes are not waited for.
  bool everybody_has(const ClusterMap& map, Revision revision, const lease::GrantBook& grants, Instant now) const;

  /// The node is a member from this revision on. Until it acknowledges that, it may not know yet that it is one and
  /// refuse what is given to it; nodes that were members before this leader came are taken for settled in.
  void begin_membership(NodeId node, Revision since);
  std::set<NodeId> not_settled_in() const;

  /// The map is new: who is sent it. Joining nodes are not: they are not reachable as nodes of this cluster and learn
  /// it from the answers to their heartbeats.
  std::vector<NodeId> first(const ClusterMap& map, Instant now);
  /// Who is sent it again, not having acknowledged it for a while.
  std::vector<NodeId> again(const ClusterMap& map, const lease::GrantBook& grants, Instant now);

 private:
  NodeId self_;
  std::map<NodeId, Revision> acknowledged_;
  std::map<NodeId, Instant> sent_;
  std::map<NodeId, Revision> member_since_;  ///< of those that are not settled in
};

}  // namespace dht::cluster
