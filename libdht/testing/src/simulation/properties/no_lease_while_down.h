// No lease while down: from the moment that a map is chosen which calls a node down, the node holds no lease, until a
// later map has it as active again. That is the theorem of leases; two primaries need another step that goes wrong.
//
// Thread rule: one object, one thread.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>

#include <dht/cluster_map.h>

namespace dht::testing::simulation {

class DownBook {
 public:
  /// A node of the cluster that holds its lease right now, and takes itself for active.
  struct Holder {
    std::string node{};
    NodeId id{};
  };

  /// A newer map of the cluster. A node that was down in the map before it and is in none any more stays down.
  void adopt(const ClusterMap& newest);
  /// A holder that is down, as a sentence.
  std::optional<std::string> down_with_lease(std::span<const Holder> holders) const;

 private:
  std::set<NodeId> down_;
  Revision revision_ = 0;
};

}  // namespace dht::testing::simulation
