#include "replica/replica.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace dht::replica {

Replica::Replica(PartitionId partition, std::unique_ptr<PartitionStorage> storage, Reentry& reentry,
                 ReplicaOptions options)
    : partition_(partition),
      options_(options),
      storage_(partition, std::move(storage), reentry, *this, [this](Effects& effects) { check_drained(effects); }),
      is_durable_(storage_.is_durable()) {
  restore();
}

PartitionReport Replica::report() const {
  PartitionReport report{.partition = partition_, .epoch = epoch_, .stopped = drained_};
  for (const FollowerStream& stream : streams_) {
    if (stream.is_backup()) {
      if (stream.is_lost()) report.lost_backups.push_back(stream.follower());
    } else if (stream.is_lost()) {
      report.lost.push_back(stream.record());
    } else if (stream.is_level()) {
      report.level.push_back(stream.record());
    }
  }
  if (role_ == Role::backup && sealed_in_ == epoch_ && followed_.is_idle()) report.sealed_at = history_.position();
  return report;
}

void Replica::configure(const PartitionRecord& record, Effects& effects) {
  if (role_ != Role::primary) return;
  if (to_activate_) {
    to_activate_ = record;
    epoch_ = record.epoch;
    return;
  }
  DHT_ASSERT(record.primary_since == stream_.epoch && record.epoch >= epoch_);
  if (is_deposed_) {
    // It gives nothing to anybody any more, and says so in this epoch, too.
    epoch_ = record.epoch;
    effects.report_changed = drained_;
    return;
  }
  if (std::exchange(epoch_, record.epoch) != record.epoch) effects.report_changed = true;
  std::erase_if(streams_, [&](const FollowerStream& stream) {
    if (record.has_backup(stream.follower())) return false;
    return stream.is_backup() ||
           std::find(record.learners.begin(), record.learners.end(), stream.record()) == record.learners.end();
  });
  for (FollowerStream& stream : streams_) {
    if (record.has_backup(stream.follower()) && !stream.is_backup()) stream.promote();
  }
  for (const LearnerRecord& learner : record.learners) {
    const bool is_known = std::any_of(streams_.begin(), streams_.end(),
                                      [&](const FollowerStream& stream) { return stream.follower() == learner.node; });
    if (!is_known) begin_copy(learner, effects);
  }
  commit_what_is_acknowledged(effects);
  open_when_level(effects);
  check_drained(effects);
}

void Replica::give_up_backup(NodeId backup, Effects& effects) {
  for (FollowerStream& stream : streams_) {
    if (stream.follower() == backup && stream.is_backup() && !stream.is_lost()) lose(stream, effects);
  }
}

void Replica::stop(Epoch epoch, Effects& effects) {
  if (role_ != Role::primary || epoch != epoch_) return;
  stopping_ = true;
  check_drained(effects);
}

bool Replica::is_level(const FollowerStream& stream) const noexcept {
  return stream.is_level() && stream.confirmed() == history_.seq();
}

void Replica::check_drained(Effects& effects) {
  if (!stopping_ || drained_ || to_activate_ || !turns_.is_idle() || !pending_.empty()) return;
  const bool all_level = std::all_of(streams_.begin(), streams_.end(), [&](const FollowerStream& stream) {
    return !stream.is_counted() || is_level(stream);
  });
  if (!all_level) return;
  drained_ = true;
  effects.report_changed = true;
}

void Replica::depose(Effects& effects) {
  if (role_ != Role::primary) return;
  stop_alone(effects);
  role_ = Role::learner;
  is_open_ = stopping_ = drained_ = false;
}

void Replica::stop_alone(Effects& effects) {
  if (role_ != Role::primary) return;
  is_deposed_ = stopping_ = true;
  to_activate_.reset();
  streams_.clear();
  stored_.clear();
  pending_.fail(effects);
  check_drained(effects);
}

void Replica::raise_clock(Version version) noexcept {
  DHT_ASSERT(streams_.empty());
  clock_.observe(version);
}

void Replica::forget_merges(Revision by) noexcept {
  std::erase_if(merges_, [by](const auto& item) { return item.second.by <= by; });
}

std::unique_ptr<PartitionStorage> Replica::release() && {
  DHT_ASSERT(is_idle());
  return storage_.release();
}

}  // namespace dht::replica
