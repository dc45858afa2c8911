#include "handlers/readiness.h"

#include <fmt/format.h>

#include <dht/partitioner.h>

namespace dhtd {
namespace {

/// Null where the cluster has given this node up.
const dht::NodeRecord* find_self(const ClusterAdmin& admin, const dht::ClusterMap& map) { return map.find(admin.id()); }

/// The member that alone has the entries of a hash slot.
const dht::NodeRecord& holder_of(const dht::ClusterMap& map, std::uint32_t slot) {
  return *map.find(map.partitions.at(slot * map.settings.partitions / dht::kHashSlots).primary);
}

}  // namespace

std::string why_not_ready(const ClusterAdmin& admin, const SharedServiceState& state) {
  if (state.load(std::memory_order_acquire) != ServiceState::serving) {
    return "This node is stopping: it hands its data over to the other members.";
  }
  if (admin.is_ready()) return {};
  const auto map = admin.map();
  const auto* self = find_self(admin, *map);
  if (self == nullptr) return "This node has been given up by its cluster and is about to stand alone.";
  if (self->state == dht::NodeState::leaving) return "This node is leaving its cluster.";
  if (self->state == dht::NodeState::down) {
    return "This node was silent for so long that its cluster calls it down; it serves again once the leader has heard "
           "of it.";
  }
  return fmt::format(
      "This node holds no lease: for {} ms it has heard from no leader that a majority of the voters confirms. Until "
      "it "
      "does, it answers no request.",
      map->settings.lease_ms);
}

std::string why_not_applied(const ClusterAdmin& admin, std::uint32_t slot) {
  const bool ready = admin.is_ready();
  const auto map = admin.map();
  const auto* self = find_self(admin, *map);
  if (!ready && self != nullptr && self->state == dht::NodeState::active) {
    return "The request was not carried out: this node holds no lease, since it hears from no majority of the cluster. "
           "Nothing was changed, and nothing that it holds is lost. Ask another member, or again when GET /readyz says "
           "that it serves.";
  }
  const dht::NodeRecord& holder = holder_of(*map, slot);
  if (holder.state != dht::NodeState::down) {
    return "The request was not carried out and may be sent again: no primary took it in time.";
  }
  return fmt::format(
      "The request was not carried out: the only copy of this key is at member \"{}\" ({}), which does not answer. "
      "Nothing was changed, and what that member holds is served again when it comes back. If it is gone for good, "
      "POST /dht/forget?name=NAME gives up what it alone held.",
      holder.name, to_string(holder.address));
}

}  // namespace dhtd
