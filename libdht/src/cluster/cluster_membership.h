// Membership of a cluster with a leader: what a Node uses unless it is given another.
//
// Thread rule: as dht/membership.h.
#pragma once

#include <memory>

#include <dht/membership.h>

#include "cluster/member.h"

namespace dht::cluster {

/// Founds a cluster of one at once. Scheduler and transport outlive it.
std::unique_ptr<Membership> make_cluster_membership(MemberOptions options, Scheduler& scheduler, Transport& transport);

}  // namespace dht::cluster
