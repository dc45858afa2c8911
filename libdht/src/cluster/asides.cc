#include "cluster/asides.h"

#include <algorithm>
#include <chrono>

namespace dht::cluster {
namespace {

/// Whoever has stopped is called down long before; one that has not has thought better of it.
constexpr Duration kLongest = std::chrono::seconds(30);

bool holds_what_others_can(const PartitionRecord& record, NodeId node, const std::set<NodeId>& fit) {
  if (record.has_backup(node)) return fit.contains(record.primary);
  const bool has_successor =
      std::any_of(record.backups.begin(), record.backups.end(), [&](NodeId backup) { return fit.contains(backup); });
  return record.primary == node && has_successor;
}

}  // namespace

void Asides::adopt(const ClusterMap& map) {
  std::erase_if(asked_, [&](const auto& item) {
    const NodeRecord* node = map.find(item.first);
    return node == nullptr || node->state == NodeState::down;
  });
}

std::set<NodeId> Asides::nodes(Instant now) const {
  std::set<NodeId> nodes;
  for (const auto& [node, asked] : asked_) {
    if (now - asked < kLongest) nodes.insert(node);
  }
  return nodes;
}

void Asides::answer(const Scene& scene) const {
  std::set<NodeId> fit;
  for (const NodeRecord& node : scene.map->nodes) {
    const bool is_fit = node.state == NodeState::active && scene.is_alive(node.id) && !asked_.contains(node.id);
    if (is_fit) fit.insert(node.id);
  }
  for (const NodeId node : scene.waiting.nodes(wire::CallKind::step_aside)) {
    const auto is_held = [&](const PartitionRecord& record) { return holds_what_others_can(record, node, fit); };
    if (std::any_of(scene.map->partitions.begin(), scene.map->partitions.end(), is_held)) continue;
    wire::Answer done;
    done.map = scene.map;
    scene.waiting.answer(wire::CallKind::step_aside, node, std::move(done), scene.effects);
  }
}

}  // namespace dht::cluster
