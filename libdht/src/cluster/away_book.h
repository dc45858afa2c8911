// AwayBook: the members that went and may come back with what they had, and of which partitions that is. For a while
// their copies are not replaced.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "cluster/move_inputs.h"

namespace dht::cluster {

class AwayBook {
 public:
  /// `patience`: for how long anybody is waited for; zero: not at all. `lease`: within so long it shows whether a node
  /// that a primary has lost is still there.
  AwayBook(Duration patience, Duration lease) : patience_(patience), lease_(lease) {}

  /// What the map that follows `chosen` takes from members that are silent, or about to be, or that a primary has lost;
  /// and forgets who is back and has said what it has kept.
  void note(const ClusterMap& chosen, const MoveInputs& inputs, const ClusterMap& next);
  /// Until when somebody is waited for who had the partition, or is about to go with it; nothing where nobody is.
  std::optional<Instant> awaited_until(PartitionId partition, const ClusterMap& map, const MoveInputs& inputs) const;

 private:
  struct Away {
    std::set<PartitionId> partitions{};
    Instant since{};
  };

  bool is_here(NodeId node, const Away& away, const ClusterMap& map, const MoveInputs& inputs) const;

  const Duration patience_;
  const Duration lease_;
  std::map<NodeId, Away> away_;
};

}  // namespace dht::cluster
