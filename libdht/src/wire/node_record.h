// A node's record as tagged fields: part of the cluster map and of control messages.
//
// Thread rule: pure functions.
#pragma once

#include <dht/cluster_map.h>

#include "wire/tagged.h"

namespace dht::wire {

TaggedWriter write(const NodeRecord& node);
/// False where the bytes are malformed.
bool read(TaggedReader r, NodeRecord& node);

}  // namespace dht::wire
