// Failover: a partition whose primary is down goes on at the furthest of its backups (design: "Failover").
//
// By the map that calls the primary down its backups seal themselves: they take nothing more of it, and tell where they
// stand. Whatever was acknowledged is on each of them, so any would do; the furthest can bring the others level, for no
// backup can undo anything. Learners do not count, nor does who has told nothing. Where no backup is left the partition
// is unserved until one of its replicas returns, or an operator accepts the loss.
//
// Thread rule: pure functions.
#pragma once

#include "cluster/map_change.h"
#include "cluster/scene.h"

namespace dht::cluster {

/// Decides for every partition that is ready. A backup that may be alive is waited for until it has spoken or is called
/// down itself.
void fail_over(const Scene& scene, MapChange& change);

/// A primary that was down and is active again takes over anew where it has backups: those have sealed themselves.
void reopen_partitions_of(NodeId primary, MapChange& change);

}  // namespace dht::cluster
