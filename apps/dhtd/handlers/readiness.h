// Readiness: whether this node can serve just now, and if not, why; also why nobody took a request.
//
// Thread rule: may be called from any thread; each call judges its own moment.
#pragma once

#include <cstdint>
#include <string>

#include "cluster_admin.h"
#include "service_state.h"

namespace dhtd {

/// Why this node does not serve at this moment, as a sentence; empty where it does: it is an active member, holds its
/// lease and is not stopping.
std::string why_not_ready(const ClusterAdmin& admin, const SharedServiceState& state);

/// Why this node should not be stopped just now, as a sentence that says what to wait for; empty where it may: then the
/// others go on with everything, and would do so if one more of them failed.
std::string why_not_safe_to_stop(const dht::NodeStatus& status);

/// Why no primary took a request for a key of this hash slot in time, as a sentence that says what was kept and what to
/// do.
std::string why_not_applied(const ClusterAdmin& admin, std::uint32_t slot);

}  // namespace dhtd
