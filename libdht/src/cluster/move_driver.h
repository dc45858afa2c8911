// MoveDriver: carries moves of partitions out, step by step, so that the members' shares become even. It decides from
// the map and the reports; what it remembers only saves work (which orders were given, who failed as a target lately,
// the last plan).
//
// The steps of a move of partition p from A to B, each seen in the map or in A's report:
//   begin     B becomes learner of p                           (map)
//   level     B has everything, and A waits for it             (report: epoch and `since` exactly)
//   order     A is ordered to hand over                        (LeaderEffects::orders)
//   stopped   A is drained and never serves this epoch again   (report)
//   finish    B is primary in the next epoch                   (map)
// A move whose learner fails is undone: the learner is removed, and where A has stopped or may have been told to, A is
// opened again in a new epoch.
//
// Thread rule: none of their own; use one object from one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "cluster/leader_effects.h"
#include "cluster/map_change.h"
#include "cluster/planner.h"
#include "cluster/report_book.h"
#include "lease/grant_book.h"

namespace dht::cluster {

/// What a decision about moves looks at, besides the map.
struct MoveInputs {
  const lease::GrantBook& grants;
  const ReportBook& reports;
  const std::set<NodeId>& shunned;  ///< active nodes that nothing is to be given to
  Instant now;
};

class MoveDriver {
 public:
  explicit MoveDriver(std::uint32_t max_moves_per_node) : max_moves_per_node_(max_moves_per_node) {}

  /// Finishes the moves of `chosen` that are ready and undoes those that cannot go on. `change` was made from `chosen`
  /// and has not touched partitions yet.
  void finish(const ClusterMap& chosen, const MoveInputs& inputs, MapChange& change);
  /// Plans from what `change` has made of the map and begins as many moves as the limits allow.
  void begin(const ClusterMap& chosen, const MoveInputs& inputs, MapChange& change);

  /// The orders that are due: never given in this epoch, or not heeded for a while. Moves that the proposal under way
  /// (null where there is none) undoes are left out.
  void order(const ClusterMap& chosen, const ClusterMap* proposal, const MoveInputs& inputs, LeaderEffects& effects);

  /// What the last `begin` wanted moved and did not begin.
  const std::vector<Move>& waiting() const noexcept { return waiting_; }
  /// When a `begin` can do more than the last one could, should nothing else happen.
  std::optional<Instant> retry_at() const noexcept { return retry_at_; }

 private:
  struct Given {
    Epoch epoch = 0;
    Instant at{};
  };
  struct BackOff {
    Duration delay{};
    Instant until{};
  };
  struct Plan {
    std::vector<NodeId> holders{};
    std::vector<NodeId> members{};
    std::vector<NodeId> pinned{};
    std::vector<Move> moves{};
  };

  void finish_partition(PartitionId p, const PartitionReport* report, const MoveInputs& inputs, MapChange& change);
  bool was_ordered(PartitionId p, Epoch epoch) const;
  void back_off(NodeId target, Instant now);
  const std::vector<Move>& plan(const ClusterMap& map, const MoveInputs& inputs);

  std::uint32_t max_moves_per_node_;
  std::map<PartitionId, Given> given_;   ///< orders, by partition
  std::map<NodeId, BackOff> back_offs_;  ///< by target
  Plan plan_;                            ///< the last one and what it was made from
  std::vector<Move> waiting_;
  std::optional<Instant> retry_at_;
};

}  // namespace dht::cluster
