// MovePlan: who should hold which partition. It is kept while it can be carried out: planning costs far more than
// looking whether it can.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <vector>

#include "cluster/layout.h"
#include "cluster/move_inputs.h"

namespace dht::cluster {

class MovePlan {
 public:
  /// Plans anew from what is, where the plan does not lead on from there, or the members are others.
  void update(const ClusterMap& map, const MoveInputs& inputs);
  /// By partition; empty before the first update.
  const std::vector<Holding>& target() const noexcept { return target_; }

 private:
  bool leads_to_target(const ClusterMap& map) const;

  std::vector<PartitionRecord> begin_;  ///< from which it leads
  std::vector<NodeId> members_;
  std::vector<NodeId> pinned_;
  std::vector<std::vector<PartitionId>> old_copies_;  ///< of the members
  std::vector<Holding> target_;
};

}  // namespace dht::cluster
