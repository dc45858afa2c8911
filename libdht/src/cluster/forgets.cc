#include "cluster/forgets.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/hybrid_clock.h"
#include "cluster/refusal.h"

namespace dht::cluster {

using wire::Answer;
using wire::CallKind;

namespace {

const NodeRecord* find_down(const ClusterMap& map, std::string_view name) {
  const auto found = std::find_if(map.nodes.begin(), map.nodes.end(), [name](const NodeRecord& node) {
    return node.name == name && node.state == NodeState::down;
  });
  return found != map.nodes.end() ? &*found : nullptr;
}

Answer not_down(const ClusterMap& map, std::string_view name) {
  if (map.find_name(name) == nullptr) {
    return refusal(Errc::invalid_argument,
                   fmt::format("no member of this cluster is named {}; nothing was changed", name));
  }
  return refusal(Errc::conflict,
                 fmt::format("{} is not down, so nothing of it is lost; nothing was changed. Let it leave "
                             "instead, or stop it and wait until it is called down",
                             name));
}

/// Above every version that the lost copy may have given: members' wall clocks differ by less than a minute (what joins
/// is held to that), and its own floor, if it had one, was not far below.
Version floor_above(const PartitionRecord& lost, std::uint64_t wall_ms) {
  constexpr std::uint64_t kMinuteMs = 60'000;
  const Version above =
      std::max(lost.floor, base::HybridClock::version_at(wall_ms)) + base::HybridClock::version_at(kMinuteMs);
  return std::min(above, base::HybridClock::kLimit - 1);
}

/// The active members that can take something over, by how much they hold.
std::map<NodeId, std::size_t> loads(const Scene& scene, const std::set<NodeId>& shunned, const ClusterMap& map) {
  std::map<NodeId, std::size_t> loads;
  for (const NodeRecord& node : map.nodes) {
    if (node.state == NodeState::active && scene.is_alive(node.id) && !shunned.contains(node.id)) loads[node.id] = 0;
  }
  for (const PartitionRecord& record : map.partitions) {
    if (const auto holder = loads.find(record.primary); holder != loads.end()) ++holder->second;
  }
  return loads;
}

/// Whether somebody else has what the forgotten node had of the partition. A backup that is alive takes it over by
/// itself (failover.h), and a primary that is alive asks to be rid of a backup. Where all the others are down, too, one
/// of those is waited for from now on, and the operator's word does for the primary's.
bool pass_to_backup(NodeId forgotten, PartitionId p, const Scene& scene, MapChange& change) {
  const PartitionRecord record = change.map().partitions[p];
  const auto is_down = [&](NodeId id) { return change.map().find(id)->state == NodeState::down; };
  if (record.has_backup(forgotten) && is_down(record.primary)) change.remove_backup(p, forgotten);
  if (record.primary != forgotten || record.backups.empty()) return record.primary != forgotten;
  const bool some_live = std::any_of(record.backups.begin(), record.backups.end(),
                                     [&](NodeId id) { return !is_down(id) || scene.is_alive(id); });
  if (some_live) return true;
  change.fail_over(p, record.backups.front(), {record.backups.begin() + 1, record.backups.end()});
  return true;
}

}  // namespace

void Forgets::ask(NodeId caller, std::string_view name, std::uint64_t wall_ms, const Scene& scene) {
  const NodeRecord* node = find_down(*scene.map, name);
  const auto earlier = forgets_.find(caller);
  if (node == nullptr) {
    // Asked again by a caller that has missed the answer.
    if (earlier != forgets_.end() && earlier->second.name == name) return;
    return scene.waiting.answer(CallKind::forget, caller, not_down(*scene.map, name), scene.effects);
  }
  forgets_[caller] = {.node = node->id, .name = node->name, .wall_ms = wall_ms};
}

void Forgets::carry_out(const Scene& scene, const std::set<NodeId>& shunned, MapChange& change) {
  if (forgets_.empty()) return;
  std::map<NodeId, std::size_t> holders = loads(scene, shunned, change.map());
  for (const auto& [caller, forget] : forgets_) {
    const NodeRecord* node = change.map().find(forget.node);
    if (forget.removed_at || node == nullptr || node->state != NodeState::down || holders.empty()) continue;
    // One that had come back and is silent once more was not forgotten: that is what the caller is told.
    if (scene.map->find(forget.node)->state != NodeState::down) continue;
    // All in one change: a member that came back in between would have lost what it held.
    if (change.map().is_voter(forget.node)) continue;
    for (PartitionId p = 0; p < change.map().partitions.size(); ++p) {
      if (pass_to_backup(forget.node, p, scene, change)) continue;
      const PartitionRecord& record = change.map().partitions[p];
      if (record.primary != forget.node || !record.learners.empty()) continue;
      const auto least = std::min_element(holders.begin(), holders.end(),
                                          [](const auto& a, const auto& b) { return a.second < b.second; });
      change.begin_empty(p, least->first, floor_above(record, forget.wall_ms));
      ++least->second;
    }
    if (is_removable(change.map(), forget.node)) change.remove_node(forget.node);
  }
}

void Forgets::answer(const Scene& scene, const Spread& spread) {
  for (auto& [caller, forget] : forgets_) {
    if (!forget.removed_at && scene.map->find(forget.node) == nullptr) forget.removed_at = scene.map->revision;
  }
  std::erase_if(forgets_, [&](const auto& item) {
    const auto& [caller, forget] = item;
    const NodeRecord* node = scene.map->find(forget.node);
    if (!forget.removed_at) {
      if (node->state == NodeState::down) return false;
      scene.waiting.answer(CallKind::forget, caller,
                           refusal(Errc::conflict, fmt::format("{} has come back with what it held; it was not "
                                                               "forgotten, and nothing was lost",
                                                               forget.name)),
                           scene.effects);
      return true;
    }
    if (!spread.everybody_has(*scene.map, *forget.removed_at, scene.grants, scene.now)) return false;
    Answer done;
    done.map = scene.map;
    scene.waiting.answer(CallKind::forget, caller, std::move(done), scene.effects);
    return true;
  });
}

}  // namespace dht::cluster
