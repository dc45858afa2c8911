#include "replica/learner_stream.h"

#include <utility>

#include "base/assert.h"

namespace dht::replica {

namespace {

/// What a piece holds on to until it is acknowledged, roughly.
std::size_t weight(const wire::StreamPiece& piece) {
  constexpr std::size_t kPerChange = 32;
  std::size_t bytes = kPerChange;
  for (const wire::Change& change : piece.changes)
    bytes += change.key.size() + change.value.size() + kPerChange;
  return bytes;
}

}  // namespace

wire::StreamPiece LearnerStream::next_piece(wire::StreamPiece piece) {
  DHT_ASSERT(!lost_);
  piece.stream = id_;
  piece.index = ++sent_;
  unacknowledged_.push_back({piece.seq, weight(piece)});
  unacknowledged_bytes_ += unacknowledged_.back().bytes;
  return piece;
}

void LearnerStream::end_chunk(ScanCursor next) noexcept {
  DHT_ASSERT(chunk_under_way_ && !is_counted() && sent_ > 0);
  chunk_under_way_ = false;
  cursor_ = next;
  if (next == kScanEnd) scan_end_ = sent_;
}

bool LearnerStream::acknowledge(std::uint64_t index) {
  if (index > sent_) return false;
  for (; acknowledged_ < index; ++acknowledged_) {
    confirmed_ = unacknowledged_.front().seq;
    unacknowledged_bytes_ -= unacknowledged_.front().bytes;
    unacknowledged_.pop_front();
  }
  return true;
}

}  // namespace dht::replica
