#include "cluster/leaves.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "cluster/refusal.h"

namespace dht::cluster {

using wire::Answer;
using wire::CallKind;

namespace {

bool has_company(const ClusterMap& map, NodeId leaving, const Scene& scene) {
  return std::any_of(map.nodes.begin(), map.nodes.end(), [&](const NodeRecord& node) {
    return node.id != leaving && node.state == NodeState::active && scene.is_alive(node.id);
  });
}

}  // namespace

Leaves::Leave* Leaves::find(NodeId node) {
  const auto found = std::find_if(queue_.begin(), queue_.end(), [node](const Leave& l) { return l.node == node; });
  return found != queue_.end() ? &*found : nullptr;
}

void Leaves::ask(NodeId node, const Scene& scene) {
  const NodeRecord* record = scene.map->find(node);
  if (record != nullptr && record->state == NodeState::joining) {
    scene.waiting.answer(CallKind::leave, node,
                         refusal(Errc::conflict, fmt::format("{} is still joining this cluster", record->name)),
                         scene.effects);
    return;
  }
  // Out once and back again: that leave is over.
  if (record != nullptr) std::erase_if(queue_, [node](const Leave& l) { return l.node == node && l.removed_at; });
  if (find(node) != nullptr) return;
  Leave leave{.node = node, .begun = scene.now, .total = primaries_of(*scene.map, node)};
  if (record != nullptr) {
    leave.name = record->name;
  } else {
    leave.removed_at = scene.map->revision;
  }
  queue_.push_back(std::move(leave));
}

void Leaves::adopt(const ClusterMap& map, Instant now) {
  for (const NodeRecord& node : map.nodes) {
    // An earlier leave of the same node may still wait for everybody to know of it.
    const bool is_known =
        std::any_of(queue_.begin(), queue_.end(), [&](const Leave& l) { return l.node == node.id && !l.removed_at; });
    if (node.state != NodeState::leaving || is_known) continue;
    queue_.push_back({.node = node.id, .name = node.name, .begun = now, .total = primaries_of(map, node.id)});
  }
  for (Leave& leave : queue_) {
    if (!leave.removed_at && map.find(leave.node) == nullptr) leave.removed_at = map.revision;
  }
}

void Leaves::begin(const Scene& scene, MapChange& change) {
  std::erase_if(queue_, [&](const Leave& leave) {
    const NodeRecord* node = change.map().find(leave.node);
    if (leave.removed_at || node == nullptr || has_company(change.map(), leave.node, scene)) return false;
    if (node->state == NodeState::leaving) change.cancel_leave(leave.node);
    scene.waiting.answer(
        CallKind::leave, leave.node,
        refusal(Errc::not_applied,
                fmt::format("no other member answers that could take over what {} holds; it stays", leave.name)),
        scene.effects);
    return true;
  });
  const auto is_under_way = [&](const Leave& leave) {
    const NodeRecord* node = change.map().find(leave.node);
    return !leave.removed_at && node != nullptr && node->state == NodeState::leaving && scene.is_alive(leave.node);
  };
  if (std::any_of(queue_.begin(), queue_.end(), is_under_way)) return;
  for (Leave& leave : queue_) {
    const NodeRecord* node = change.map().find(leave.node);
    // A node that is out may be in again before everybody knew: that is no wish to leave again.
    if (leave.removed_at || node == nullptr || node->state != NodeState::active) continue;
    if (!scene.is_alive(leave.node)) continue;
    leave.total = primaries_of(change.map(), leave.node);
    change.begin_leave(leave.node);
    return;
  }
}

void Leaves::remove(const Scene& scene, MapChange& change) const {
  for (const Leave& leave : queue_) {
    if (leave.removed_at) continue;
    // Judged by the chosen map: the member is shown that all it had is in other hands before it is out.
    const NodeRecord* node = scene.map->find(leave.node);
    if (node == nullptr || node->state != NodeState::leaving || !is_removable(*scene.map, leave.node)) continue;
    const NodeRecord* still = change.map().find(leave.node);
    if (still == nullptr || still->state != NodeState::leaving) continue;
    if (is_removable(change.map(), leave.node)) change.remove_node(leave.node);
  }
}

void Leaves::answer(const Scene& scene, const Spread& spread) {
  std::erase_if(queue_, [&](const Leave& leave) {
    if (!leave.removed_at) return false;
    if (!spread.everybody_has(*scene.map, *leave.removed_at, scene.grants, scene.now)) return false;
    // With the map: the leaving node's own clients have yet to find those who hold its partitions now.
    Answer done;
    done.map = scene.map;
    scene.waiting.answer(CallKind::leave, leave.node, std::move(done), scene.effects);
    return true;
  });
}

void Leaves::report(const ClusterMap& map, Instant now, std::vector<wire::OperationReport>& reports) const {
  for (const Leave& leave : queue_) {
    if (leave.removed_at) continue;
    const std::uint64_t left = std::min(leave.total, primaries_of(map, leave.node));
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - leave.begun);
    reports.push_back({.is_join = false,
                       .node = leave.node,
                       .name = leave.name,
                       .done = leave.total - left,
                       .total = leave.total,
                       .milliseconds = static_cast<std::uint64_t>(age.count())});
  }
}

}  // namespace dht::cluster
