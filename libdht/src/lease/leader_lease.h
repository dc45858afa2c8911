// LeaderLease: the leader's own lease, by which it knows that no other leader has been elected. It asks all voters to
// confirm its generation; where majorities of them do, it leads for a lease from the moment of that asking.
//
// Which voters must confirm: majorities of every set that the leader's own map names, and of every set that the newest
// map names which any voter has accepted. Former voters alone would confirm a leader that the present ones have
// replaced. A voter that has accepted a map of a newer generation says no.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/scheduler.h>

#include "wire/agreement.h"

namespace dht::lease {

class LeaderLease {
 public:
  explicit LeaderLease(Duration length) : length_(length) {}

  /// The number of a new ask, made now. Each reply is to be matched to its own.
  std::uint64_t ask(Instant now);
  /// `own`: the newest map that the leader knows to be chosen.
  void on_reply(std::uint64_t ask, NodeId voter, const wire::VoterReply& reply, const ClusterMap& own);

  /// The leader may grant leases and call nodes down before this moment.
  Instant until() const noexcept { return until_; }

 private:
  struct Ask {
    Instant at{};
    std::set<NodeId> yes{};
    wire::Ballot newest{};  ///< the highest ballot at which a voter has accepted a map, and the voters named there
    std::vector<NodeId> voters{};
    std::vector<NodeId> next_voters{};
  };

  Duration length_;
  Instant until_{Duration::min()};
  std::uint64_t last_ask_ = 0;
  std::map<std::uint64_t, Ask> asks_;
};

}  // namespace dht::lease
