// Acceptor: what one voter remembers of the agreement on the cluster map, and how it answers (design: "The register").
//
// It promises a ballot, which is to take no part in a lower one any more, and accepts one map at a time. All that it
// answers rests on its never forgetting either: a node that keeps nothing over a restart is another voter afterwards.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <dht/cluster_map.h>
#include <dht/types.h>

#include "wire/agreement.h"
#include "wire/ballot.h"
#include "wire/control.h"

namespace dht::agreement {

/// All that a voter remembers.
struct AcceptorState {
  ClusterId cluster{};
  /// The map with which the node came to the cluster. It may have been a voter there before, left, and forgotten, so it
  /// takes no part in the agreement on this map and those before it.
  Revision since = 0;
  wire::Ballot promised{};
  wire::Ballot accepted{};  ///< that of `map`
  ClusterMapPtr map{};      ///< accepted; null where nothing was
};

/// The state of the only voter of a new cluster, whose first map is thereby chosen.
AcceptorState founder_of(ClusterMapPtr map);
/// The state of a node that joins a cluster, whose chosen map it has been given.
AcceptorState newcomer_to(const ClusterMap& map);

class Acceptor {
 public:
  /// Of no cluster: refuses everything.
  explicit Acceptor(NodeId self);
  Acceptor(NodeId self, AcceptorState state);

  const AcceptorState& state() const noexcept { return state_; }

  /// The answer has a reply, or an error where the request must not be answered here at all: incompatible (it names
  /// another voter or cluster, or the map has other settings), conflict (the proposer's map is too old to ask this
  /// voter), corrupt (the map is unsound).
  wire::Answer prepare(const wire::VoterRequest& request);
  wire::Answer accept(const wire::VoterRequest& request, const ClusterMapPtr& map);

  /// A reply that tells the state, without the map itself.
  wire::VoterReply reply(bool yes) const;

 private:
  bool concerns(const wire::VoterRequest& request) const noexcept;
  wire::Answer refuse_other() const;
  wire::Answer refuse_outdated(Revision known) const;

  NodeId self_;
  AcceptorState state_;
};

}  // namespace dht::agreement
