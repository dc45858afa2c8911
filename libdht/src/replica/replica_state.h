// ReplicaState: what a durable storage keeps of a replica besides its entries, always together with them: where it
// stands in the history of its partition. A restarted node claims no more than this.
//
// Thread rule: plain values and pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dht/types.h>

#include "replica/pending_writes.h"
#include "wire/replication.h"

namespace dht::replica {

struct ReplicaState {
  /// In which the primary took over that the replica followed last, or the replica itself.
  Epoch followed = 0;
  /// Of a learner, and of the backup that it became: the revision that added it. What older maps say is over.
  Revision since = 0;
  /// It has all that was numbered up to `seq`. One that is being copied does not, and is worth nothing after a restart.
  bool is_complete = false;
  Seq seq = 0;
  Version clock = 0;
  std::vector<wire::EpochStart> starts{};
  std::vector<wire::MergeMark> merges{};

  bool operator==(const ReplicaState&) const = default;
};

std::string encode(const ReplicaState& state);
/// Nothing where the bytes are not what `encode` has made.
std::optional<ReplicaState> decode_replica_state(std::string_view bytes);

}  // namespace dht::replica
