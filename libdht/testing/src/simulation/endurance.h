// Endurance: which crashes a cluster can bear, by what it promises: with three members or more, the crash of one. A
// cluster that has lost the majority of its voters for good waits for an operator's force, and a simulation that brings
// that about proves nothing.
//
// What decides is the newest map that a majority may have accepted, and nobody may have shown it yet. So more is asked
// for than a majority of the voters that are known. No other member has died that the leader could still make a voter:
// the last death has been noticed. And the leader, who alone is sure to be among the next voters, may crash only where
// it has not been close to being the only one of them for a while.
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

  /// What the leader, if there is one, says of the cluster, looked at often.
  void look(Instant now, const NodeStatus* leader);
  /// Whether the cluster can bear that `victim` is no more, where these are all that run, by the newest map that one of
  /// them has.
  bool bears(Instant now, const ClusterMap& newest, const std::set<NodeId>& running, NodeId victim) const;

 private:
  Duration memory_;
  std::optional<Instant> ample_since_;  ///< three members or more hold a lease, and nobody changes voters
};

}  // namespace dht::testing::simulation
