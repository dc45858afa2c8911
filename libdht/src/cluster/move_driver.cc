#include "cluster/move_driver.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace dht::cluster {

namespace {

using std::chrono::milliseconds;

constexpr Duration kOrderAgain = milliseconds(250);
constexpr Duration kBetweenBatches = milliseconds(20);
constexpr Duration kFirstBackOff = milliseconds(200);
constexpr Duration kLongestBackOff = milliseconds(2000);

bool is_complete(const PartitionRecord& record, const Holding& target) {
  const std::vector<NodeId> wanted = everybody(target);
  return std::all_of(wanted.begin(), wanted.end(), [&](NodeId node) { return record.is_held_by(node); });
}

}  // namespace

struct MoveDriver::Case {
  PartitionId partition = 0;
  PartitionRecord record{};
  const Holding* target = nullptr;
  const PartitionReport* report = nullptr;  ///< the primary's, or null
  bool has_stopped = false;
  bool is_served = false;  ///< the primary is alive
  std::vector<LearnerRecord> staying{};
  std::vector<LearnerRecord> level{};  ///< of those

  /// One copy of everything: a learner becomes the primary, and never a backup.
  bool is_direct() const { return target->backups.empty() && record.backups.empty(); }
  /// The node has everything that was acknowledged, once the primary has stopped or goes on.
  bool is_level(NodeId node) const {
    return record.has_backup(node) || std::any_of(level.begin(), level.end(), [node](const LearnerRecord& learner) {
             return learner.node == node;
           });
  }
};

MoveDriver::Case MoveDriver::look_at(PartitionId p, const PartitionReport* report, const MoveInputs& inputs,
                                     const ClusterMap& map) const {
  Case at{.partition = p, .record = map.partitions[p], .target = &plan_.target()[p], .report = report};
  at.has_stopped = report != nullptr && report->stopped;
  at.is_served = is_alive(map, at.record.primary, inputs);
  for (const LearnerRecord& learner : at.record.learners) {
    const bool is_lost = report != nullptr && contains(report->lost, learner);
    const bool is_level = report != nullptr && contains(report->level, learner);
    // A primary that died after it had stopped is not needed any more.
    const bool can_go_on = at.has_stopped ? is_level : at.is_served;
    if (is_lost || !can_go_on || !is_target(map, learner.node, inputs)) continue;
    at.staying.push_back(learner);
    if (is_level) at.level.push_back(learner);
  }
  return at;
}

void MoveDriver::finish(const ClusterMap& chosen, const MoveInputs& inputs, MapChange& change) {
  is_batch_ = inputs.now >= next_batch_;
  std::erase_if(given_, [&](const auto& entry) { return chosen.partitions[entry.first].epoch != entry.second.epoch; });
  std::erase_if(back_offs_, [&](const auto& entry) { return chosen.find(entry.first) == nullptr; });
  plan_.update(change.map(), inputs);
  const std::vector<const PartitionReport*> reports = inputs.reports.current(chosen);
  for (PartitionId p = 0; p < chosen.partitions.size(); ++p) {
    // What was just changed is looked at again once that is chosen and reported on.
    if (change.map().partitions[p] != chosen.partitions[p]) continue;
    finish_partition(look_at(p, reports[p], inputs, change.map()), inputs, change);
  }
}

void MoveDriver::finish_partition(const Case& at, const MoveInputs& inputs, MapChange& change) {
  for (const LearnerRecord& learner : at.record.learners) {
    const bool is_lost = at.report != nullptr && contains(at.report->lost, learner);
    if (contains(at.staying, learner)) continue;
    if (is_lost || !inputs.grants.is_alive(learner.node, inputs.now)) back_off(learner.node, inputs.now);
  }
  const bool is_wanted =
      at.is_direct() ? !at.staying.empty()
                     : successor_of(at, inputs, change.map()) ||
                           (at.target->primary != at.record.primary && at.record.is_held_by(at.target->primary));
  if (at.has_stopped) return finish_stopped(at, inputs, change);
  if (was_ordered(at.partition, at.record.epoch) && !is_wanted && (at.is_served || at.record.backups.empty()))
    return change.reopen_primary(at.partition);
  for (const LearnerRecord& learner : at.record.learners) {
    if (!contains(at.staying, learner)) change.remove_learner(at.partition, learner.node);
  }
  if (!at.is_served) return;
  take_out_lost(at, change);
  step_aside(at, inputs, change);
  if (!is_batch_) return;
  promote(at, inputs, change);
  trim(at, inputs, change);
}

/// To whom it was meant, or to another that has everything, or back to the primary itself.
void MoveDriver::finish_stopped(const Case& at, const MoveInputs& inputs, MapChange& change) {
  NodeId to = at.target->primary;
  const auto can_take = [&](NodeId node) {
    return node != at.record.primary && at.is_level(node) && is_target(change.map(), node, inputs);
  };
  if (!can_take(to) && successor_of(at, inputs, change.map())) to = successor_of(at, inputs, change.map());
  if (!can_take(to) && !at.level.empty()) to = at.level.front().node;
  if (!can_take(to)) {
    if (at.is_served || at.record.backups.empty()) change.reopen_primary(at.partition);
    return;
  }
  std::vector<NodeId> staying;
  const std::size_t wanted = at.target->backups.size();
  const auto keep = [&](NodeId node, bool is_planned) {
    if (node == to || contains(staying, node) || contains(at.target->backups, node) != is_planned) return;
    if (staying.size() < wanted && is_target(change.map(), node, inputs)) staying.push_back(node);
  };
  for (const bool is_planned : {true, false}) {
    for (const NodeId backup : at.record.backups)
      keep(backup, is_planned);
    keep(at.record.primary, is_planned);
  }
  change.hand_over(at.partition, to, std::move(staying));
  back_offs_.erase(to);
}

/// To whom a primary that steps aside hands over; none where it does not, or nobody has everything.
NodeId MoveDriver::successor_of(const Case& at, const MoveInputs& inputs, const ClusterMap& map) {
  if (!inputs.asides.contains(at.record.primary)) return {};
  if (at.record.has_backup(at.target->primary) && is_target(map, at.target->primary, inputs)) {
    return at.target->primary;
  }
  for (const NodeId backup : at.record.backups) {
    if (is_target(map, backup, inputs)) return backup;
  }
  return {};
}

void MoveDriver::step_aside(const Case& at, const MoveInputs& inputs, MapChange& change) const {
  for (const NodeId backup : at.record.backups) {
    const bool is_still = change.map().partitions[at.partition].has_backup(backup);
    if (is_still && inputs.asides.contains(backup)) change.remove_backup(at.partition, backup);
  }
}

void MoveDriver::take_out_lost(const Case& at, MapChange& change) {
  if (at.report == nullptr) return;
  for (const NodeId backup : at.report->lost_backups) {
    if (at.record.has_backup(backup)) change.remove_backup(at.partition, backup);
  }
}

/// With one copy of everything a learner is to be primary, and never a backup.
void MoveDriver::promote(const Case& at, const MoveInputs& inputs, MapChange& change) {
  if (at.target->backups.empty()) return;
  for (const LearnerRecord& learner : at.level) {
    change.promote(at.partition, learner.node);
    next_batch_ = inputs.now + kBetweenBatches;
  }
}

/// Takes out who is not to hold the partition, once everybody who is has it. One that is dead is taken out when the
/// primary asks for it.
void MoveDriver::trim(const Case& at, const MoveInputs& inputs, MapChange& change) {
  const PartitionRecord record = change.map().partitions[at.partition];
  if (!is_complete(record, *at.target)) return;
  for (const NodeId backup : record.backups) {
    const bool is_wanted = backup == at.target->primary || contains(at.target->backups, backup);
    if (!is_wanted && is_alive(change.map(), backup, inputs)) change.remove_backup(at.partition, backup);
  }
}

void MoveDriver::begin(const ClusterMap& chosen, const MoveInputs& inputs, MapChange& change) {
  away_.note(chosen, inputs, change.map());
  if (!is_batch_) return;
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
  plan_.update(change.map(), inputs);
  std::vector<PartitionId> others;
  for (PartitionId p = 0; p < chosen.partitions.size(); ++p) {
    const PartitionRecord& record = change.map().partitions[p];
    if (!is_alive(change.map(), record.primary, inputs)) continue;
    if (const auto until = away_.awaited_until(p, change.map(), inputs)) {
      retry_at_ = std::min(retry_at_.value_or(*until), *until);
      continue;
    }
    const bool is_short = record.backups.size() < plan_.target()[p].backups.size();
    is_short ? begin_partition(p, reports[p], inputs, change, under_way) : others.push_back(p);
  }
  for (const PartitionId p : others)
    begin_partition(p, reports[p], inputs, change, under_way);
}

void MoveDriver::begin_partition(PartitionId p, const PartitionReport* report, const MoveInputs& inputs,
                                 MapChange& change, std::map<NodeId, std::uint32_t>& under_way) {
  const PartitionRecord& record = change.map().partitions[p];
  const Holding& target = plan_.target()[p];
  const auto is_missing = [&](NodeId node) { return !record.is_held_by(node) && !record.has_learner(node); };
  std::vector<NodeId> wanted = everybody(target);
  std::erase_if(wanted, [&](NodeId node) { return !is_missing(node); });
  if (wanted.empty()) {
    if (record.primary != target.primary && record.is_held_by(target.primary))
      waiting_.push_back({p, record.primary, target.primary});
    return;
  }
  // A copy that is under way comes first; and what a stopped primary reports is settled first.
  const bool is_busy = !record.learners.empty() || (report != nullptr && report->stopped);
  for (const NodeId node : wanted) {
    std::uint32_t& from = under_way[record.primary];
    std::uint32_t& to = under_way[node];
    const bool is_first = node == wanted.front();
    if (is_held_off(node, inputs.now) || is_busy || !is_first || from >= max_moves_per_node_ ||
        to >= max_moves_per_node_) {
      waiting_.push_back({p, record.primary, node});
      continue;
    }
    change.add_learner(p, node, inputs.reports.has_old_copy(node, p));
    next_batch_ = inputs.now + kBetweenBatches;
    ++from;
    ++to;
  }
}

bool MoveDriver::is_held_off(NodeId target, Instant now) {
  const auto back_off = back_offs_.find(target);
  if (back_off == back_offs_.end() || now >= back_off->second.until) return false;
  retry_at_ = std::min(retry_at_.value_or(back_off->second.until), back_off->second.until);
  return true;
}

void MoveDriver::order(const ClusterMap& chosen, const ClusterMap* proposal, const MoveInputs& inputs,
                       LeaderEffects& effects) {
  if (plan_.target().size() != chosen.partitions.size()) return;
  std::map<NodeId, std::vector<wire::HandOverOrder>> due;
  const std::vector<const PartitionReport*> reports = inputs.reports.current(chosen);
  for (PartitionId p = 0; p < chosen.partitions.size(); ++p) {
    const PartitionRecord& record = chosen.partitions[p];
    const Holding& target = plan_.target()[p];
    if (proposal != nullptr && proposal->partitions[p] != record) continue;
    const bool has_successor = target.primary != record.primary || inputs.asides.contains(record.primary);
    if (record.learners.empty() && (!has_successor || record.backups.empty())) continue;
    const Case at = look_at(p, reports[p], inputs, chosen);
    if (at.has_stopped || !at.is_served) continue;
    const bool is_ready = at.is_direct()
                              ? !at.level.empty()
                              : successor_of(at, inputs, chosen) ||
                                    (target.primary != record.primary && record.learners.empty() &&
                                     is_target(chosen, target.primary, inputs) && is_complete(record, target));
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

}  // namespace dht::cluster
