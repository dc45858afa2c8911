#include "cluster/move_driver.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace dht::cluster {

namespace {

using std::chrono::milliseconds;

constexpr Duration kOrderAgain = milliseconds(250);
constexpr Duration kFirstBackOff = milliseconds(200);
constexpr Duration kLongestBackOff = milliseconds(2000);

bool contains(const std::vector<LearnerRecord>& list, const LearnerRecord& learner) {
  return std::find(list.begin(), list.end(), learner) != list.end();
}

/// Whether partitions may be given to the node.
bool is_target(const ClusterMap& map, NodeId id, const MoveInputs& inputs) {
  const NodeRecord* node = map.find(id);
  return node != nullptr && node->state == NodeState::active && inputs.grants.is_alive(id, inputs.now) &&
         !inputs.shunned.contains(id);
}

/// Whether the move to this learner can go on. A primary that died after it had stopped is not needed any more.
bool can_go_on(const ClusterMap& map, const PartitionRecord& record, const PartitionReport* report,
               const LearnerRecord& learner, const MoveInputs& inputs) {
  if (!is_target(map, learner.node, inputs)) return false;
  if (report != nullptr && contains(report->lost, learner)) return false;
  const bool is_level = report != nullptr && contains(report->level, learner);
  const bool has_stopped = report != nullptr && report->stopped;
  return has_stopped ? is_level : inputs.grants.is_alive(record.primary, inputs.now);
}

}  // namespace

void MoveDriver::finish(const ClusterMap& chosen, const MoveInputs& inputs, MapChange& change) {
  std::erase_if(given_, [&](const auto& entry) { return chosen.partitions[entry.first].epoch != entry.second.epoch; });
  std::erase_if(back_offs_, [&](const auto& entry) { return chosen.find(entry.first) == nullptr; });
  const std::vector<const PartitionReport*> reports = inputs.reports.current(chosen);
  for (PartitionId p = 0; p < chosen.partitions.size(); ++p) {
    const bool has_stopped = reports[p] != nullptr && reports[p]->stopped;
    if (has_stopped || !chosen.partitions[p].learners.empty()) finish_partition(p, reports[p], inputs, change);
  }
}

void MoveDriver::finish_partition(PartitionId p, const PartitionReport* report, const MoveInputs& inputs,
                                  MapChange& change) {
  const PartitionRecord record = change.map().partitions[p];
  const bool has_stopped = report != nullptr && report->stopped;
  std::vector<LearnerRecord> staying;
  for (const LearnerRecord& learner : record.learners) {
    if (can_go_on(change.map(), record, report, learner, inputs)) {
      staying.push_back(learner);
    } else if ((report != nullptr && contains(report->lost, learner)) ||
               !inputs.grants.is_alive(learner.node, inputs.now)) {
      back_off(learner.node, inputs.now);
    }
  }
  if (has_stopped && !staying.empty()) {
    change.move_primary(p, staying.front().node);
    back_offs_.erase(staying.front().node);
  } else if (has_stopped || (staying.empty() && was_ordered(p, record.epoch))) {
    change.reopen_primary(p);
  } else {
    for (const LearnerRecord& learner : record.learners) {
      if (!contains(staying, learner)) change.remove_learner(p, learner.node);
    }
  }
}

void MoveDriver::begin(const ClusterMap& chosen, const MoveInputs& inputs, MapChange& change) {
  const std::vector<const PartitionReport*> reports = inputs.reports.current(chosen);
  std::map<NodeId, std::uint32_t> under_way;
  for (const PartitionRecord& record : change.map().partitions) {
    for (const LearnerRecord& learner : record.learners) {
      ++under_way[record.primary];
      ++under_way[learner.node];
    }
  }
  waiting_.clear();
  retry_at_.reset();
  for (const Move& move : plan(change.map(), inputs)) {
    const PartitionRecord& record = change.map().partitions[move.partition];
    const auto back_off = back_offs_.find(move.to);
    const bool held_off = back_off != back_offs_.end() && inputs.now < back_off->second.until;
    if (held_off) retry_at_ = std::min(retry_at_.value_or(back_off->second.until), back_off->second.until);
    // A copy that is under way to the giver comes first; and what a stopped primary reports is settled first.
    const PartitionReport* report = reports[move.partition];
    const bool is_busy = !record.learners.empty() || (report != nullptr && report->stopped);
    std::uint32_t& from = under_way[move.from];
    std::uint32_t& to = under_way[move.to];
    if (held_off || is_busy || from >= max_moves_per_node_ || to >= max_moves_per_node_) {
      waiting_.push_back(move);
      continue;
    }
    change.add_learner(move.partition, move.to);
    ++from;
    ++to;
  }
}

void MoveDriver::order(const ClusterMap& chosen, const ClusterMap* proposal, const MoveInputs& inputs,
                       LeaderEffects& effects) {
  std::map<NodeId, std::vector<wire::HandOverOrder>> due;
  const std::vector<const PartitionReport*> reports = inputs.reports.current(chosen);
  for (PartitionId p = 0; p < chosen.partitions.size(); ++p) {
    const PartitionReport* report = reports[p];
    if (report == nullptr || report->stopped || report->level.empty()) continue;
    const PartitionRecord& record = chosen.partitions[p];
    if (proposal != nullptr && proposal->partitions[p] != record) continue;
    const bool is_ready = std::any_of(record.learners.begin(), record.learners.end(), [&](const auto& learner) {
      return contains(report->level, learner) && can_go_on(chosen, record, report, learner, inputs);
    });
    if (!is_ready || (was_ordered(p, record.epoch) && inputs.now - given_[p].at < kOrderAgain)) continue;
    given_[p] = {record.epoch, inputs.now};
    due[record.primary].push_back({p, record.epoch});
  }
  for (auto& [primary, hand_overs] : due)
    effects.orders.push_back({primary, std::move(hand_overs)});
}

bool MoveDriver::was_ordered(PartitionId p, Epoch epoch) const {
  const auto found = given_.find(p);
  return found != given_.end() && found->second.epoch == epoch;
}

/// Failures that come together, such as a broken connection with many learners behind it, count once.
void MoveDriver::back_off(NodeId target, Instant now) {
  const auto [place, is_first] = back_offs_.try_emplace(target, BackOff{kFirstBackOff, now + kFirstBackOff});
  BackOff& back_off = place->second;
  if (is_first || now < back_off.until) return;
  back_off.delay = std::min(2 * back_off.delay, kLongestBackOff);
  back_off.until = now + back_off.delay;
}

const std::vector<Move>& MoveDriver::plan(const ClusterMap& map, const MoveInputs& inputs) {
  Plan next;
  next.holders.reserve(map.partitions.size());
  for (const PartitionRecord& record : map.partitions) {
    next.holders.push_back(record.learners.empty() ? record.primary : record.learners.front().node);
  }
  for (const NodeRecord& node : map.nodes) {
    if (is_target(map, node.id, inputs)) {
      next.members.push_back(node.id);
    } else if (node.state == NodeState::down ||
               (node.state != NodeState::joining && !inputs.grants.is_alive(node.id, inputs.now))) {
      next.pinned.push_back(node.id);
    }
  }
  if (next.holders != plan_.holders || next.members != plan_.members || next.pinned != plan_.pinned) {
    next.moves = plan_moves(next.holders, next.members, next.pinned);
    plan_ = std::move(next);
  }
  return plan_.moves;
}

}  // namespace dht::cluster
