#include "replica/replica.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace dht::replica {

Replica::Replica(PartitionId partition, std::unique_ptr<PartitionStorage> storage, Reentry& reentry,
                 ReplicaOptions options)
    : partition_(partition),
      options_(options),
      storage_(partition, std::move(storage), reentry, *this, [this](Effects& effects) { check_drained(effects); }) {}

ReplicaReport Replica::report() const {
  ReplicaReport report{.epoch = epoch_, .stopped = drained_, .level = {}, .lost = {}};
  for (const LearnerStream& stream : streams_) {
    if (stream.is_lost()) {
      report.lost.push_back(stream.record());
    } else if (stream.is_level()) {
      report.level.push_back(stream.record());
    }
  }
  return report;
}

void Replica::serve(Epoch epoch, const std::vector<LearnerRecord>& learners, Effects& effects) {
  DHT_ASSERT(epoch > epoch_);
  DHT_ASSERT(followed_.is_idle());  // a learner is made primary only once it has acknowledged everything
  followed_.end_following();
  role_ = Role::primary;
  epoch_ = epoch;
  since_ = 0;
  stopping_ = drained_ = false;
  streams_.clear();  // a stream belongs to its epoch
  effects.report_changed = true;
  configure(learners, effects);
}

void Replica::configure(const std::vector<LearnerRecord>& learners, Effects& effects) {
  if (role_ != Role::primary) return;
  std::erase_if(streams_, [&](const LearnerStream& stream) {
    return std::find(learners.begin(), learners.end(), stream.record()) == learners.end();
  });
  for (const LearnerRecord& learner : learners) {
    const bool is_known = std::any_of(streams_.begin(), streams_.end(),
                                      [&](const LearnerStream& stream) { return stream.record() == learner; });
    if (!is_known) begin_stream(learner, effects);
  }
  commit_what_is_acknowledged(effects);
  check_drained(effects);
}

void Replica::stop(Epoch epoch, Effects& effects) {
  if (role_ != Role::primary || epoch != epoch_) return;
  stopping_ = true;
  check_drained(effects);
}

void Replica::check_drained(Effects& effects) {
  if (!stopping_ || drained_ || !turns_.is_idle() || !pending_.empty()) return;
  const bool all_level = std::all_of(streams_.begin(), streams_.end(), [&](const LearnerStream& stream) {
    return !stream.is_counted() || (stream.is_level() && stream.confirmed() == seq_);
  });
  if (!all_level) return;
  drained_ = true;
  effects.report_changed = true;
}

void Replica::raise_clock(Version version) noexcept {
  DHT_ASSERT(streams_.empty());
  clock_.observe(version);
}

void Replica::forget_merges(Revision by) noexcept {
  std::erase_if(merges_, [by](const auto& item) { return item.second.by <= by; });
}

std::unique_ptr<PartitionStorage> Replica::release() && {
  DHT_ASSERT(turns_.is_idle() && pending_.empty() && followed_.is_idle());
  return storage_.release();
}

}  // namespace dht::replica
