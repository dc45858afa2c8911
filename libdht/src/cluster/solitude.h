// Solitude: the end of a membership. The node founds a cluster of its own, of which it is the only member, and keeps
// what it held.
//
// Thread rule: the membership's strand.
#pragma once

#include <dht/membership.h>

#include "cluster/contact.h"
#include "cluster/leader_seat.h"
#include "cluster/member.h"
#include "cluster/voter_seat.h"

namespace dht::cluster {

/// What this node's part in a cluster consists of.
struct Seats {
  Member& member;
  VoterSeat& voter;
  LeaderSeat& leader;
  Contact& contact;
};

/// The node belongs to no cluster but its own from the call on. `done` when what it keeps is in place.
void stand_alone(Seats seats, Kept kept, StatusHandler done);

}  // namespace dht::cluster
