// The rules of time on which all leases rest (design: "Leader and leases"). Pure functions.
//
// Nobody's clock is compared with another's: each reckons, on its own clock, from a moment of its own. Assumed is only
// that the rates of any two clocks differ by less than a tenth. Whoever holds a lease takes that tenth off; whoever
// granted it reckons with its whole length. So it has ended at its holder before it has ended at its grantor.
//
// Source: Gray and Cheriton, "Leases: an efficient fault-tolerant mechanism for distributed file cache consistency".
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>

#include <dht/cluster_map.h>
#include <dht/scheduler.h>

namespace dht::lease {

/// The length of a lease in a cluster of these settings.
Duration length_of(const ClusterSettings& settings);

/// What the holder may use of a lease of `length`.
Duration with_margin(Duration length);

/// When a lease ends at its holder, which asked for it at `asked`. For the leader's own lease as for a node's.
Instant end_at_holder(Instant asked, Duration length);

/// What a leader may grant at `now`, its own lease ending at `leader_until`: no grant outlasts that.
Duration grantable(Instant now, Instant leader_until, Duration lease);

/// How often a node asks for its lease, and the leader for its own.
Duration ask_interval(Duration lease);

/// How often, at least, a leader and a voter look at the time.
Duration tick_interval(Duration lease);

/// How long a new leader waits, from the moment that its election is known to be chosen, before it calls any node down:
/// until every lease that an earlier leader may have granted has ended. `confirmed_ago` is the least that any voter of
/// its quorum reported since it had last said yes to another leader; that lease has already run so long. Half a lease
/// is waited in any case, so that the nodes have time to find the new leader.
Duration wait_of_new_leader(Duration lease, Duration confirmed_ago);

/// Whether a voter that last said yes to a leader at `said_yes` refuses to elect another one at `now`: so one bad link
/// starts no duel.
bool forbids_election(Instant said_yes, Instant now, Duration lease);

/// When a voter proposes itself as leader: not having heard of the present one for a lease and a while that is drawn at
/// random (`random` of 64 bits), so that seldom two do it at once.
Instant takeover_at(Instant said_yes, Duration lease, std::uint64_t random);

/// The same after an attempt at `tried` that failed.
Instant next_attempt_at(Instant tried, Duration lease, std::uint64_t random);

/// For how long a joining node may be silent, which holds nothing yet and may be busy copying.
Duration joining_patience(Duration lease);

}  // namespace dht::lease
