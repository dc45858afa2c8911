// Asides: the members that are about to stop and to come back with what they have. One gives up what others can go on
// with: the partitions of which somebody else has all, and its copies of the rest of theirs. Its call is answered when
// it has.
//
// Thread rule: none of their own; use one object from one thread at a time.
#pragma once

#include <map>
#include <set>

#include "cluster/scene.h"

namespace dht::cluster {

class Asides {
 public:
  /// The node's call waits already; it is repeated until it is answered.
  void ask(NodeId node, Instant now) { asked_[node] = now; }
  /// Whoever is down has stopped, and comes back as any other.
  void adopt(const ClusterMap& map);
  /// Those whose wish still holds.
  std::set<NodeId> nodes(Instant now) const;
  void answer(const Scene& scene) const;

 private:
  std::map<NodeId, Instant> asked_;
};

}  // namespace dht::cluster
