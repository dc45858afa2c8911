// Leaves: the members that are on their way out, one at a time. A member that leaves gives its partitions away, is
// removed from the map, and gets its answer once every alive member has acknowledged that.
//
// Thread rule: none of their own; use one object from one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/map_change.h"
#include "cluster/scene.h"
#include "cluster/spread.h"

namespace dht::cluster {

class Leaves {
 public:
  /// A node wants to leave; its call waits already.
  void ask(NodeId node, const Scene& scene);
  /// A newer map: takes on the leaves that are under way in it, and notes whom it has removed.
  void adopt(const ClusterMap& map, Instant now);

  /// Begins the next leave, and calls off those of members that nobody would be left to take over from.
  void begin(const Scene& scene, MapChange& change);
  /// Removes the members that have given everything away.
  void remove(const Scene& scene, MapChange& change) const;

  void answer(const Scene& scene, const Spread& spread);
  void report(const ClusterMap& map, Instant now, std::vector<wire::OperationReport>& reports) const;

 private:
  struct Leave {
    NodeId node{};
    std::string name{};
    Instant begun{};
    std::uint64_t total = 0;               ///< partitions that it held
    std::optional<Revision> removed_at{};  ///< the revision that is without it
  };

  Leave* find(NodeId node);

  std::vector<Leave> queue_;  ///< in order of arrival
};

}  // namespace dht::cluster
