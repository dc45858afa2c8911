#include "replica/followed_stream.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace dht::replica {

void FollowedStream::begin(const wire::StreamId& stream) {
  end_following();
  id_ = stream;
}

void FollowedStream::resume(const wire::StreamId& stream) {
  DHT_ASSERT(is_idle());
  begin(stream);
  received_ = applied_ = durable_ = 1;
}

void FollowedStream::stop_taking() {
  id_.reset();
  const std::size_t begun = applying_ && !abandoned_ ? 1 : 0;
  while (waiting_.size() > begun)
    waiting_.pop_back();
}

void FollowedStream::end_following() {
  id_.reset();
  received_ = applied_ = durable_ = 0;
  failed_ = false;
  abandoned_ = applying_;
  waiting_.clear();
}

bool FollowedStream::note_durable(const wire::StreamId& stream, std::uint64_t index) noexcept {
  if (id_ != stream || failed_) return false;
  durable_ = std::max(durable_, index);
  return true;
}

FollowedStream::Verdict FollowedStream::take(wire::StreamPiece piece) {
  if (id_ != piece.stream || failed_ || piece.index == 0 || piece.index > received_ + 1) return Verdict::refused;
  if (piece.index <= received_) return Verdict::repeated;
  ++received_;
  waiting_.push_back(std::move(piece));
  return Verdict::taken;
}

const wire::StreamPiece* FollowedStream::begin_piece() {
  if (applying_ || waiting_.empty()) return nullptr;
  applying_ = true;
  return &waiting_.front();
}

std::optional<wire::StreamPiece> FollowedStream::end_piece(bool applied) {
  DHT_ASSERT(applying_);
  applying_ = false;
  if (std::exchange(abandoned_, false)) return std::nullopt;
  if (!applied) {
    failed_ = true;
    waiting_.clear();
    return std::nullopt;
  }
  ++applied_;
  wire::StreamPiece piece = std::move(waiting_.front());
  waiting_.pop_front();
  return piece;
}

}  // namespace dht::replica
