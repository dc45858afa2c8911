// What the voters of a cluster say to each other, inside calls and answers: rounds of agreement on the next map, and
// the confirmation of the leader. Values only; their bytes are control messages (wire/control.h).
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/types.h>

#include "wire/ballot.h"
#include "wire/tagged.h"

namespace dht::wire {

/// The part of a call that concerns a voter. A voter refuses what names another cluster or node than itself.
struct VoterRequest {
  ClusterId cluster{};
  NodeId voter{};
  Ballot ballot{};               ///< prepare, accept
  bool election = false;         ///< prepare, accept: to make another node leader
  Revision known = 0;            ///< prepare: the newest map that the proposer knows to be chosen
  std::uint64_t generation = 0;  ///< confirm: of the leader that asks

  bool operator==(const VoterRequest&) const = default;
};

/// What a voter has accepted, and whether it says yes.
struct VoterReply {
  bool yes = false;
  Ballot promised{};  ///< the highest ballot that it has seen
  Ballot accepted{};  ///< that of its accepted map; none where it has accepted nothing
  /// Of the accepted map; zero and empty where there is none.
  Revision revision = 0;
  std::uint64_t generation = 0;
  std::vector<NodeId> voters{};
  std::vector<NodeId> next_voters{};
  /// The accepted map itself, which need not be chosen: in a reply to prepare, where its revision is above the
  /// proposer's `known`.
  ClusterMapPtr map{};
  /// accept: how long ago the voter last confirmed another leader; none where it never has.
  std::optional<std::uint64_t> confirmed_ms_ago{};
};

/// A node's lease, asked for with each heartbeat.
struct LeaseAsk {
  std::uint64_t number = 0;  ///< of this ask: grows
  std::uint64_t echo = 0;    ///< the number of the ask whose grant came last; zero where none has
  std::uint64_t boot = 0;    ///< of the asking process: another one of the same node counts from 1 again

  bool operator==(const LeaseAsk&) const = default;
};

struct LeaseGrant {
  std::uint64_t number = 0;     ///< of the ask
  std::uint32_t length_ms = 0;  ///< from the moment of asking; zero: nothing is granted

  bool operator==(const LeaseGrant&) const = default;
};

TaggedWriter write(const Ballot& ballot);
TaggedWriter write(const VoterRequest& request);
TaggedWriter write(const VoterReply& reply);
TaggedWriter write(const LeaseAsk& ask);
TaggedWriter write(const LeaseGrant& grant);
/// False where the bytes are malformed.
bool read(TaggedReader r, Ballot& ballot);
bool read(TaggedReader r, VoterRequest& request);
bool read(TaggedReader r, VoterReply& reply);
bool read(TaggedReader r, LeaseAsk& ask);
bool read(TaggedReader r, LeaseGrant& grant);
/// The map in the present field; null, and the reader failed, where that is none.
ClusterMapPtr read_map(TaggedReader& r);

}  // namespace dht::wire
