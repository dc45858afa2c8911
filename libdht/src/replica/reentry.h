// Reentry: how a completion that the storage gives later comes back into its replica.
//
// Implementations: the node's host of replicas (node/), and one in the replica's tests.
//
// Thread rule: `reenter` is called from any thread, with no lock held.
#pragma once

#include <dht/function.h>
#include <dht/types.h>

#include "replica/effects.h"

namespace dht::replica {

class Replica;

using Step = Function<void(Replica&, Effects&)>;

/// The owner takes its lock, runs the step, releases the lock and carries the effects out. Copies are kept by steps
/// under way; the owner makes it safe to call after the replica is gone (the step is then not run).
class Reentry {
 public:
  virtual void reenter(PartitionId partition, Step step) = 0;

 protected:
  ~Reentry() = default;
};

}  // namespace dht::replica
