#include "cluster/admission.h"

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cluster/refusal.h"

namespace dht::cluster {

using wire::Answer;

namespace {

Answer refusal_of(const SettingConflict& conflict) {
  return refusal(Errc::incompatible,
                 fmt::format("this node was told {} {}, but the cluster was founded with {}, which is fixed; leave the "
                             "setting out or start the node with {}",
                             conflict.told, conflict.what, conflict.founded, conflict.founded));
}

}  // namespace

std::optional<SettingConflict> find_conflict(std::optional<std::uint32_t> partitions,
                                             std::optional<std::uint32_t> replicas,
                                             std::optional<std::uint32_t> lease_ms, const ClusterSettings& founded) {
  const auto differs = [](std::optional<std::uint32_t> told, std::uint32_t is) { return told && *told != is; };
  if (differs(partitions, founded.partitions)) return SettingConflict{"partitions", *partitions, founded.partitions};
  if (differs(replicas, founded.replicas)) return SettingConflict{"copies of each entry", *replicas, founded.replicas};
  if (differs(lease_ms, founded.lease_ms)) {
    return SettingConflict{"ms as the length of a lease", *lease_ms, founded.lease_ms};
  }
  return std::nullopt;
}

std::optional<Answer> judge_call(const wire::Call& join, std::uint64_t wall_ms, const ClusterSettings& settings,
                                 std::uint64_t max_clock_skew_ms) {
  const NodeRecord& node = join.node;
  const bool has_address =
      !node.address.host.empty() && node.address.host.size() <= kMaxHostBytes && node.address.port != 0;
  if (!node.id || !is_valid_name(node.name) || !has_address) {
    return refusal(Errc::invalid_argument, "the join names no valid node id, name and address");
  }
  if (const auto conflict = find_conflict(join.partitions, join.replicas, join.lease_ms, settings)) {
    return refusal_of(*conflict);
  }
  if (join.wall_ms > wall_ms && join.wall_ms - wall_ms > max_clock_skew_ms) {
    return refusal(Errc::incompatible,
                   fmt::format("this node's clock is {} seconds ahead of the cluster's, so its entries would win over "
                               "every newer one; set the clock and join again",
                               (join.wall_ms - wall_ms) / 1000));
  }
  return std::nullopt;
}

std::optional<Answer> judge_record(const NodeRecord& newcomer, const Scene& scene) {
  const ClusterMap& map = *scene.map;
  if (const NodeRecord* same = map.find(newcomer.id)) {
    if (same->state == NodeState::leaving) {
      return refusal_for_now(Errc::conflict, fmt::format("{} is still leaving this cluster", same->name));
    }
    // An earlier join of its own broke off after the activation: it is taken out and let in anew.
    const bool may_start_over = primaries_of(map, same->id) == 0 && map.leader != same->id;
    if (same->state == NodeState::joining || may_start_over) return std::nullopt;
    return member_already(*same);
  }
  const NodeRecord* holder = map.find_name(newcomer.name);
  if (holder != nullptr && scene.is_alive(holder->id)) return name_taken(*holder, newcomer);
  return std::nullopt;
}

std::optional<Answer> make_room(const NodeRecord& newcomer, const Scene& scene, MapChange& change) {
  const NodeRecord* found = change.map().find_name(newcomer.name);
  if (found == nullptr) return std::nullopt;
  const NodeRecord holder = *found;
  if (scene.is_alive(holder.id)) return name_taken(holder, newcomer);
  if (is_removable(change.map(), holder.id)) {
    change.remove_node(holder.id);
  } else if (is_member(&holder)) {
    change.mark_down(holder.id);
  }
  return std::nullopt;
}

Answer name_taken(const NodeRecord& holder, const NodeRecord& newcomer) {
  if (holder.address != newcomer.address) {
    return refusal(Errc::conflict, fmt::format("a member named {} already lives at {}; choose another --name",
                                               holder.name, to_string(holder.address)));
  }
  return refusal_for_now(Errc::conflict,
                         fmt::format("a member named {} was heard at {} a moment ago; if this is the same node started "
                                     "again, it is let in once the cluster has missed the earlier one for a while",
                                     holder.name, to_string(holder.address)));
}

Answer member_already(const NodeRecord& node) {
  return refusal(Errc::conflict, fmt::format("{} is a member of this cluster already", node.name));
}

Answer closed_for_now() {
  return refusal_for_now(Errc::conflict, "the cluster's leader is itself joining or leaving a cluster; try again soon");
}

}  // namespace dht::cluster
