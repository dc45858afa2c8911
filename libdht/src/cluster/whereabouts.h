// Whereabouts: what members say of their names and addresses, where the map says something else. A node is its id: the
// rest may be another after a restart.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <map>

#include "cluster/map_change.h"

namespace dht::cluster {

class Whereabouts {
 public:
  /// A node speaks of itself. True where that is news.
  bool note(const NodeRecord& node, const ClusterMap& map);
  /// A newer map: forgets what it says, too.
  void adopt(const ClusterMap& map);
  /// Has the map say the same. Where another one has the name, a node keeps its own.
  void rename(MapChange& change) const;

 private:
  std::map<NodeId, NodeRecord> said_;
};

}  // namespace dht::cluster
