// MoveDriver: carries the plan of who should hold which partition out, step by step (see layout.h). It decides from the
// map and the reports; what it remembers only saves work (which orders were given, who failed as a target lately, the
// last plan).
//
// Who is to hold a partition and has no copy becomes a learner first:
//   begin     B becomes learner of p                              (map)
//   level     B has everything, and the primary waits for it      (report: epoch and `since` exactly)
//   promote   B is a backup; whoever is to go, goes               (map)
// With one copy of everything there are no backups, and the learner becomes the primary directly. A primary A moves to
// a B that has everything:
//   order     A is ordered to hand over                           (LeaderEffects::orders)
//   stopped   A is drained and never serves this epoch again      (report)
//   finish    B is primary in the next epoch, A perhaps a backup  (map)
// Each change of the map costs every node some work, and copies end one after the other. So promotions, and what they
// make room for, are made in batches, with a little time between. What somebody waits for is done at once.
// A member that steps aside to be restarted hands over to a backup at once, whatever is planned, and is backup no more.
// For a while its copies, like those of one that died and may come back with them, are not replaced: when it is there
// again it becomes learner of what it has an old copy of, and needs only what is new.
// A move whose learner fails is undone: the learner is removed, and where A has stopped or may have been told to, A is
// opened again in a new epoch. Missing copies come before an even spread.
//
// Thread rule: none of their own; use one object from one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "cluster/away_book.h"
#include "cluster/leader_effects.h"
#include "cluster/map_change.h"
#include "cluster/move_inputs.h"
#include "cluster/move_plan.h"
#include "cluster/planner.h"

namespace dht::cluster {

class MoveDriver {
 public:
  MoveDriver(std::uint32_t max_moves_per_node, Duration return_patience, Duration lease)
      : max_moves_per_node_(max_moves_per_node), away_(return_patience, lease) {}

  /// Finishes the moves of `chosen` that are ready and undoes those that cannot go on; takes out the backups that their
  /// primaries ask to be rid of. `change` was made from `chosen`.
  void finish(const ClusterMap& chosen, const MoveInputs& inputs, MapChange& change);
  /// Plans from what `change` has made of the map and begins as many moves as the limits allow.
  void begin(const ClusterMap& chosen, const MoveInputs& inputs, MapChange& change);

  /// The orders that are due: never given in this epoch, or not heeded for a while. Partitions that the proposal under
  /// way (null where there is none) changes are left out.
  void order(const ClusterMap& chosen, const ClusterMap* proposal, const MoveInputs& inputs, LeaderEffects& effects);

  /// What the last `begin` wanted moved and did not begin.
  const std::vector<Move>& waiting() const noexcept { return waiting_; }
  /// Whether the last `finish` and `begin` left anything to the next batch.
  bool holds_back() const noexcept { return !is_batch_; }
  /// When they can do more than the last time, should nothing else happen.
  std::optional<Instant> retry_at() const noexcept { return is_batch_ ? retry_at_ : next_batch_; }

 private:
  struct Given {
    Epoch epoch = 0;
    Instant at{};
  };
  struct BackOff {
    Duration delay{};
    Instant until{};
  };
  /// One partition, as it is dealt with.
  struct Case;

  Case look_at(PartitionId partition, const PartitionReport* report, const MoveInputs& inputs,
               const ClusterMap& map) const;
  void finish_partition(const Case& at, const MoveInputs& inputs, MapChange& change);
  void finish_stopped(const Case& at, const MoveInputs& inputs, MapChange& change);
  static void take_out_lost(const Case& at, MapChange& change);
  void promote(const Case& at, const MoveInputs& inputs, MapChange& change);
  static void trim(const Case& at, const MoveInputs& inputs, MapChange& change);
  void begin_partition(PartitionId partition, const PartitionReport* report, const MoveInputs& inputs,
                       MapChange& change, std::map<NodeId, std::uint32_t>& under_way);
  bool is_held_off(NodeId target, Instant now);
  bool was_ordered(PartitionId partition, Epoch epoch) const;
  static NodeId successor_of(const Case& at, const MoveInputs& inputs, const ClusterMap& map);
  void step_aside(const Case& at, const MoveInputs& inputs, MapChange& change) const;
  void back_off(NodeId target, Instant now);

  std::uint32_t max_moves_per_node_;
  std::map<PartitionId, Given> given_;   ///< orders, by partition
  std::map<NodeId, BackOff> back_offs_;  ///< by target
  AwayBook away_;
  MovePlan plan_;
  std::vector<Move> waiting_;
  std::optional<Instant> retry_at_;
  Instant next_batch_{Duration::min()};
  bool is_batch_ = true;  ///< this is one
};

}  // namespace dht::cluster
