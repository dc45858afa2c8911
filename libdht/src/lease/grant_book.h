// GrantBook: the leader's side of all node leases: who is alive, and until when somebody may hold what was granted.
//
// Alive is a member that has proved, within a lease, that it hears this leader: by the echo of a grant, or by the
// answer to a push. Its asks alone prove nothing, since they come also over a link that works one way only; so a node
// that hears nothing is granted nothing, and its lease ends. A member that was called down is alive again when it
// proves it anew. Self always is.
//
// Silence counts only while this node itself was running: a leader that was stopped for a while (a suspended machine, a
// debugger) finds every other node silent, and gives all of them that time again instead of taking them for dead.
//
// Thread rule: none of its own; use one object from one thread at a time. Instants never go back.
#pragma once

#include <cstdint>
#include <map>

#include <dht/cluster_map.h>
#include <dht/scheduler.h>

#include "wire/agreement.h"

namespace dht::lease {

class GrantBook {
 public:
  /// A leader begins, or has got back the lease that it had lost: all members of `map` that are not down count as alive
  /// for `wait` from now.
  GrantBook(NodeId self, Duration lease, const ClusterMap& map, Instant now, Duration wait);

  /// The node is there and hears this leader. True where it was not known to be alive until now.
  bool hear(NodeId node, Instant now);
  /// An ask came. True where its echo shows that the node is alive, which was not known until now.
  bool on_ask(NodeId node, const wire::LeaseAsk& ask, Instant now);
  /// What to answer: a grant that ends before `leader_until`, or one of length zero, which the node echoes as well.
  wire::LeaseGrant grant(NodeId node, const wire::LeaseAsk& ask, Instant now, Instant leader_until);
  /// The same of length zero, whoever asks.
  static wire::LeaseGrant nothing(const wire::LeaseAsk& ask) { return {.number = ask.number, .length_ms = 0}; }

  /// To be called at every event, before anything else. True where a node may have died since the last call.
  bool pass(Instant now);
  /// The nodes of a newer map: new ones count as alive, those that are down do not; silent ones that left are
  /// forgotten.
  void adopt(const ClusterMap& map, Instant now);

  /// It has proved to this leader that it is there; others are taken for alive at first.
  bool has_proved_itself(NodeId node) const;
  /// Heard of, or still in possession of what it was granted.
  bool is_alive(NodeId node, Instant now) const;

 private:
  struct Entry {
    NodeState state = NodeState::joining;
    Instant alive_until{Duration::min()};
    Instant granted_until{Duration::min()};
    std::uint64_t first_answered = 0;  ///< the first ask that this leader answered; zero before
    std::uint64_t last_echo = 0;
    std::uint64_t boot = 0;  ///< of the process that asked last
    bool has_proved_itself = false;
  };

  static Instant end_of(const Entry& entry);
  Duration patience_with(const Entry& entry) const;
  bool prolong(Entry& entry, Instant now);
  bool believe(Entry& entry, Instant now);

  NodeId self_;
  Duration lease_;
  Instant last_event_;
  Instant earliest_death_;  ///< no alive node dies before this moment
  std::map<NodeId, Entry> entries_;
};

}  // namespace dht::lease
