#include "handlers/readiness.h"

#include <algorithm>

#include <fmt/format.h>

#include <dht/partitioner.h>

namespace dhtd {
namespace {

/// Null where the cluster has given this node up.
const dht::NodeRecord* find_self(const ClusterAdmin& admin, const dht::ClusterMap& map) { return map.find(admin.id()); }

const dht::PartitionRecord& partition_of(const dht::ClusterMap& map, std::uint32_t slot) {
  return map.partitions.at(slot * map.settings.partitions / dht::kHashSlots);
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

std::string why_not_safe_to_stop(const dht::NodeStatus& status) {
  if (!status.ready) return "This node serves nothing just now: wait until GET /readyz says that it does.";
  for (const dht::MemberStatus& member : status.members) {
    if (member.state == dht::NodeState::active && member.lease) continue;
    return fmt::format("\"{}\" is {}: wait until it is back, or gone for good.", member.name,
                       member.state == dht::NodeState::active ? "silent" : to_string(member.state));
  }
  if (status.unserved + status.under_replicated > 0) {
    return fmt::format("{} partitions have fewer copies than they should have: wait until they are copied.",
                       status.unserved + status.under_replicated);
  }
  if (status.moving > 0) {
    return fmt::format("{} partitions are on the move: wait until they have moved.", status.moving);
  }
  const auto& partitions = status.map->partitions;
  const auto alone = std::count_if(partitions.begin(), partitions.end(), [&](const dht::PartitionRecord& partition) {
    return partition.primary == status.id && partition.backups.empty();
  });
  if (alone == 0) return {};
  return fmt::format(
      "Of {} partitions this node has the only copy: while it is stopped nobody serves them. "
      "With more members, and two copies or more (--replicas), it would not be so.",
      alone);
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
  const dht::PartitionRecord& partition = partition_of(*map, slot);
  const dht::NodeRecord& holder = *map->find(partition.primary);
  if (holder.state != dht::NodeState::down) {
    return "The request was not carried out and may be sent again: no primary took it in time.";
  }
  if (!partition.backups.empty()) {
    return fmt::format(
        "The request was not carried out: none of the members that have a copy of this key answers, \"{}\" ({}) among "
        "them. Nothing was changed, and the key is served again when one of them comes back. If all are gone for good, "
        "POST /dht/forget?name=NAME gives up what they alone held, one after the other.",
        holder.name, to_string(holder.address));
  }
  return fmt::format(
      "The request was not carried out: the only copy of this key is at member \"{}\" ({}), which does not answer. "
      "Nothing was changed, and what that member holds is served again when it comes back. If it is gone for good, "
      "POST /dht/forget?name=NAME gives up what it alone held.",
      holder.name, to_string(holder.address));
}

}  // namespace dhtd
