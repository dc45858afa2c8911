#include "replica/follower_stream.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace dht::replica {

namespace {

/// What a piece holds on to until it is acknowledged, roughly.
std::size_t weight(const wire::StreamPiece& piece) {
  constexpr std::size_t kPerPiece = 32;
  return kPerPiece + piece.changes.encoded().size();
}

}  // namespace

FollowerStream FollowerStream::to_learner(PartitionId partition, Epoch primary_since, const LearnerRecord& learner) {
  FollowerStream stream(learner.node, {.partition = partition, .epoch = primary_since, .since = learner.since}, false);
  stream.has_old_copy_ = learner.has_old_copy;
  if (learner.has_old_copy) stream.state_ = State::broken;
  return stream;
}

FollowerStream FollowerStream::to_backup(PartitionId partition, Epoch primary_since, NodeId backup) {
  FollowerStream stream(backup, {.partition = partition, .epoch = primary_since}, true);
  stream.state_ = State::broken;
  return stream;
}

bool FollowerStream::is_level() const noexcept {
  if (!is_copying_) return is_flowing() && acknowledged_ > 0;
  return counted_from_ != 0 && acknowledged_ >= counted_from_;
}

wire::StreamPiece FollowerStream::take_up() {
  DHT_ASSERT((is_backup_ || has_old_copy_) && is_broken());
  begin_anew();
  is_copying_ = is_comparing_ = false;
  differing_.clear();
  state_ = State::asked;
  return number({.start = wire::StreamStart::resume});
}

void FollowerStream::resume_after(Seq seq) {
  DHT_ASSERT(awaits_position() && seq >= confirmed_);
  state_ = State::flowing;
  confirmed_ = seq;
  acknowledged_ = 1;
  unacknowledged_bytes_ -= unacknowledged_.front().bytes;
  unacknowledged_.pop_front();
}

void FollowerStream::begin_copy() {
  begin_anew();
  is_copying_ = true;
  state_ = State::flowing;
}

/// Another attempt: nothing has been sent in it.
void FollowerStream::begin_anew() {
  ++id_.attempt;
  sent_ = acknowledged_ = 0;
  unacknowledged_.clear();
  unacknowledged_bytes_ = 0;
}

void FollowerStream::begin_comparison() {
  resume_after(0);
  is_copying_ = is_comparing_ = true;
}

void FollowerStream::end_copy() noexcept {
  is_copying_ = true;
  scan_end_ = sent_;
  confirm();
}

wire::StreamPiece FollowerStream::next_piece(wire::StreamPiece piece) {
  DHT_ASSERT(is_flowing());
  return number(std::move(piece));
}

wire::StreamPiece FollowerStream::number(wire::StreamPiece piece) {
  piece.stream = id_;
  piece.index = ++sent_;
  unacknowledged_.push_back({piece.seq, weight(piece)});
  unacknowledged_bytes_ += unacknowledged_.back().bytes;
  return piece;
}

void FollowerStream::end_chunk(ScanCursor next) noexcept {
  DHT_ASSERT(chunk_under_way_ && scan_end_ == 0 && sent_ > 0);
  chunk_under_way_ = false;
  cursor_ = next;
  if (next == kScanEnd) scan_end_ = sent_;
  confirm();
}

void FollowerStream::end_digests(ScanCursor next) noexcept {
  DHT_ASSERT(chunk_under_way_);
  chunk_under_way_ = false;
  cursor_ = next;
  last_digests_ = sent_;
}

void FollowerStream::note_difference(const wire::ScanRange& range) {
  const bool is_known = std::any_of(differing_.begin(), differing_.end(), [&](const wire::ScanRange& known) {
    return known.from <= range.from && range.from < known.to;
  });
  if (is_comparing_ && !is_known) differing_.push_back(range);
}

void FollowerStream::resolve_difference(ScanCursor to) noexcept {
  DHT_ASSERT(chunk_under_way_ && !differing_.empty());
  chunk_under_way_ = false;
  differing_.front().from = to;
  if (differing_.front().from >= differing_.front().to) differing_.pop_front();
}

bool FollowerStream::acknowledge(std::uint64_t index) {
  if (index > sent_) return false;
  Seq reached = confirmed_;
  for (; acknowledged_ < index; ++acknowledged_) {
    reached = unacknowledged_.front().seq;
    unacknowledged_bytes_ -= unacknowledged_.front().bytes;
    unacknowledged_.pop_front();
  }
  applied_ = std::max(applied_, reached);
  confirm();
  return true;
}

void FollowerStream::confirm() noexcept {
  if (counted_from_ == 0 && scan_end_ != 0 && acknowledged_ >= scan_end_) counted_from_ = sent_;
  if (is_level()) confirmed_ = std::max(confirmed_, applied_);
}

void FollowerStream::break_off() noexcept {
  if (is_lost()) return;
  state_ = is_backup_ ? State::broken : State::lost;
}

bool FollowerStream::is_out_of_patience(Instant now, Duration patience) {
  const bool has_progress = std::exchange(looked_at_, acknowledged_) != acknowledged_;
  if (is_lost() || !is_waiting()) {
    waits_since_.reset();
    return false;
  }
  if (has_progress || !waits_since_) waits_since_ = now;
  return now - *waits_since_ >= patience;
}

}  // namespace dht::replica
