#include "cluster/move_plan.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace dht::cluster {

namespace {

/// Who is on the way to hold a partition counts as if it did.
Holding holding(const PartitionRecord& record, std::uint32_t replicas) {
  Holding holding{record.primary, record.backups};
  for (const LearnerRecord& learner : record.learners) {
    if (replicas == 1) {
      holding.primary = learner.node;
    } else {
      holding.backups.push_back(learner.node);
    }
  }
  return holding;
}

/// An old copy is as good as one that is on its way: its node may hold the partition at little cost.
void add_old_copies(NodeId node, std::span<const PartitionId> partitions, const ClusterMap& map,
                    std::vector<Holding>& now) {
  if (map.settings.replicas == 1) return;
  for (const PartitionId p : partitions) {
    if (p >= now.size() || now[p].primary == node || contains(now[p].backups, node)) continue;
    now[p].backups.push_back(node);
  }
}

/// As old copies are used they become fewer, which changes no plan.
bool has_no_more(const std::vector<std::span<const PartitionId>>& now,
                 const std::vector<std::vector<PartitionId>>& before) {
  if (now.size() != before.size()) return false;
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (!std::includes(before[i].begin(), before[i].end(), now[i].begin(), now[i].end())) return false;
  }
  return true;
}

}  // namespace

void MovePlan::update(const ClusterMap& map, const MoveInputs& inputs) {
  std::vector<NodeId> members;
  std::vector<NodeId> pinned;
  for (const NodeRecord& node : map.nodes) {
    if (is_target(map, node.id, inputs)) {
      members.push_back(node.id);
    } else if (node.state != NodeState::joining && !is_alive(map, node.id, inputs)) {
      pinned.push_back(node.id);
    }
  }
  std::vector<std::span<const PartitionId>> old_copies;
  for (const NodeId member : members)
    old_copies.push_back(inputs.reports.old_copies(member));
  const bool is_same = members == members_ && pinned == pinned_ && has_no_more(old_copies, old_copies_);
  if (is_same && leads_to_target(map)) return;
  std::vector<Holding> now;
  now.reserve(map.partitions.size());
  for (const PartitionRecord& record : map.partitions)
    now.push_back(holding(record, map.settings.replicas));
  for (std::size_t i = 0; i < members.size(); ++i)
    add_old_copies(members[i], old_copies[i], map, now);
  target_ = plan_layout(now, members, pinned, map.settings.replicas);
  begin_ = map.partitions;
  members_ = std::move(members);
  pinned_ = std::move(pinned);
  old_copies_.clear();
  for (const auto& partitions : old_copies)
    old_copies_.emplace_back(partitions.begin(), partitions.end());
}

/// Whether each partition is somewhere between what it was when the plan was made and what is planned: its primary is
/// one of those two, and only who was to hold it at one of the two times does or is about to.
bool MovePlan::leads_to_target(const ClusterMap& map) const {
  // Without members nothing was planned: all is to stay as it was, even what cannot.
  if (members_.empty() || target_.size() != map.partitions.size()) return false;
  for (PartitionId p = 0; p < map.partitions.size(); ++p) {
    const PartitionRecord& record = map.partitions[p];
    const PartitionRecord& begin = begin_[p];
    const Holding& target = target_[p];
    if (record.primary != begin.primary && record.primary != target.primary) return false;
    // Where the primary was to be one that is pinned nothing was planned.
    if (contains(pinned_, target.primary) && record != begin) return false;
    const auto is_expected = [&](NodeId node) {
      return begin.is_held_by(node) || begin.has_learner(node) || target.primary == node ||
             contains(target.backups, node);
    };
    if (!std::all_of(record.backups.begin(), record.backups.end(), is_expected)) return false;
    for (const LearnerRecord& learner : record.learners) {
      if (!is_expected(learner.node)) return false;
    }
  }
  return true;
}

}  // namespace dht::cluster
