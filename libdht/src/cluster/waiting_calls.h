// WaitingCalls: the calls that are to be answered later, at most one of a kind per node. Every ticket is answered
// exactly once.
//
// Thread rule: none of their own; use one object from one thread at a time.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "cluster/leader_effects.h"

namespace dht::cluster {

class WaitingCalls {
 public:
  /// An earlier call of the same kind and node is answered with Errc::conflict.
  void add(wire::CallKind kind, NodeId node, Ticket ticket, LeaderEffects& effects);
  /// Answers the call; nothing where none waits.
  void answer(wire::CallKind kind, NodeId node, wire::Answer answer, LeaderEffects& effects);
  void answer_all(const wire::Answer& answer, LeaderEffects& effects);

  bool has(wire::CallKind kind, NodeId node) const { return tickets_.contains({kind, node}); }
  std::vector<NodeId> nodes(wire::CallKind kind) const;

 private:
  std::map<std::pair<wire::CallKind, NodeId>, Ticket> tickets_;
};

}  // namespace dht::cluster
