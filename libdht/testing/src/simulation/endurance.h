// Endurance: which crashes a cluster can bear, by what it promises: with three members or more, the crash of one. A
// cluster that has lost the majority of its voters for good waits for an operator's force, and a simulation that brings
// that about proves nothing.
//
// What decides is the newest map that a majority may have accepted, and nobody may have shown it yet. So more is asked
// for than a majority of the voters that are known. No other member has died that the leader could still make a voter:
// the last death has been noticed. And whoever may be meant to be the only next voter may crash only where members have
// not been that few for a while: the leader, and everybody while the leader leaves, who hands on to any of them.
//
// Thread rule: one object, one thread.
#pragma once

#include <optional>
#include <set>

#include <dht/node.h>

namespace dht::testing::simulation {

class Endurance {
 public:
  /// `memory`: within so long what was proposed is known to the one who proposed it.
  explicit Endurance(Duration memory) noexcept : memory_(memory) {}

  /// What the leader, if there is one, says of the cluster, and whether it is about to leave; looked at often.
  void look(Instant now, const NodeStatus* leader, bool leaves);
  /// Whether the cluster can bear that `victim` is no more, where these are all that run, by the newest map that one of
  /// them has, whose leader may be about to leave.
  bool bears(Instant now, const ClusterMap& newest, bool leader_leaves, const std::set<NodeId>& running,
             NodeId victim) const;

 private:
  Duration memory_;
  /// Three members or more hold a lease, one that is about to hand on not counted, and nobody changes voters.
  std::optional<Instant> ample_since_;
  std::optional<Instant> last_leave_;  ///< when a leader was last seen to be leaving
};

}  // namespace dht::testing::simulation
