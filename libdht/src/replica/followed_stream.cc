#include "replica/followed_stream.h"

#include <utility>

#include "base/assert.h"

namespace dht::replica {

void FollowedStream::begin(const wire::StreamId& stream) {
  end_following();
  id_ = stream;
}

void FollowedStream::end_following() {
  id_.reset();
  received_ = applied_ = 0;
  failed_ = false;
  abandoned_ = applying_;
  waiting_.clear();
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
