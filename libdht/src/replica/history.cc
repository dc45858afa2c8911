#include "replica/history.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace dht::replica {
namespace {

/// A replica that has missed more changes of primary than this is copied anew.
constexpr std::size_t kMostStarts = 32;

}  // namespace

Epoch History::epoch_of(Seq seq) const noexcept {
  if (seq == 0) return 0;
  for (auto start = starts_.rbegin(); start != starts_.rend(); ++start) {
    if (start->first <= seq) return start->epoch;
  }
  return 0;
}

bool History::contains(const ReplicaPosition& position) const noexcept {
  if (position.seq > seq_) return false;
  return position.seq == 0 || (position.epoch != 0 && epoch_of(position.seq) == position.epoch);
}

void History::begin_epoch(Epoch epoch) {
  DHT_ASSERT(starts_.empty() || starts_.back().epoch < epoch);
  // One that has numbered nothing has left no trace here: a replica takes over the starts of a history before the
  // changes that it lacks of it, and may become primary in between.
  while (!starts_.empty() && starts_.back().first > seq_)
    starts_.pop_back();
  starts_.push_back({epoch, seq_ + 1});
  if (starts_.size() > kMostStarts) starts_.erase(starts_.begin());
}

void History::begin_copy(Seq seq, std::vector<wire::EpochStart> starts) {
  seq_ = seq;
  starts_ = std::move(starts);
  clear_kept();
}

void History::extend(Seq seq) {
  DHT_ASSERT(seq == seq_ + 1);
  seq_ = seq;
}

void History::keep(Logged logged) {
  DHT_ASSERT(logged.seq == seq_);
  if (!kept_.empty() && kept_.back().seq + 1 != logged.seq) clear_kept();
  kept_bytes_ += logged.changes.encoded().size();
  kept_.push_back(std::move(logged));
}

void History::forget(Seq committed, std::size_t window_bytes) {
  while (!kept_.empty() && kept_.front().seq <= committed && kept_bytes_ >= window_bytes) {
    kept_bytes_ -= kept_.front().changes.encoded().size();
    kept_.pop_front();
  }
}

void History::clear_kept() noexcept {
  kept_.clear();
  kept_bytes_ = 0;
}

bool History::has_all_after(Seq seq) const noexcept {
  return seq == seq_ || (!kept_.empty() && kept_.front().seq <= seq + 1 && kept_.back().seq == seq_);
}

}  // namespace dht::replica
