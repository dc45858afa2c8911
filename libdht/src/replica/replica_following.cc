// The learner: applies the pieces of its stream, and acknowledges what its storage has.
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "replica/changes.h"
#include "replica/merge.h"
#include "replica/replica.h"

namespace dht::replica {

void Replica::on_piece(wire::StreamPiece piece, Effects& effects) {
  const wire::StreamId stream = piece.stream;
  if (begins_newer_stream(piece)) follow(stream);
  const bool sound = is_sound(piece.changes) && piece.last_version < base::HybridClock::kLimit;
  const auto verdict = sound ? followed_.take(std::move(piece)) : FollowedStream::Verdict::refused;
  switch (verdict) {
    case FollowedStream::Verdict::taken:
      apply_pieces(effects);
      break;
    case FollowedStream::Verdict::repeated:
      effects.ack = followed_.acknowledgement();
      break;
    case FollowedStream::Verdict::refused:
      effects.ack = wire::StreamAck{.stream = stream, .index = 0, .refused = true};
      break;
  }
}

/// A primary follows another one only when it has been stopped and nothing is pending that it would have to answer.
bool Replica::begins_newer_stream(const wire::StreamPiece& piece) const noexcept {
  if (piece.index != 1 || piece.stream.partition != partition_) return false;
  if (role_ == Role::primary) return drained_ && piece.stream.epoch > epoch_;
  return std::tie(piece.stream.epoch, piece.stream.since) > std::tie(epoch_, since_);
}

void Replica::follow(const wire::StreamId& stream) {
  followed_.begin(stream);
  role_ = Role::learner;
  epoch_ = stream.epoch;
  since_ = stream.since;
  stopping_ = drained_ = false;
  streams_.clear();
  seq_ = 0;
  merges_.clear();  // the clock alone stays: it may be ahead, never behind
}

void Replica::apply_pieces(Effects& effects) {
  while (const wire::StreamPiece* piece = followed_.begin_piece()) {
    const auto written = piece->index == 1 ? forget_then_apply(*piece) : apply_piece(*piece);
    if (!written) return;
    end_piece(*written, effects);
  }
}

std::optional<StorageWritten> Replica::forget_then_apply(const wire::StreamPiece& piece) {
  if (auto dropped = storage_.drop()) return dropped->error ? dropped : apply_piece(piece);
  storage_.await<StorageWritten>([this](StorageWritten dropped, Effects& effects) {
    const wire::StreamPiece* current = followed_.current();
    const auto written = dropped.error || current == nullptr ? dropped : apply_piece(*current);
    if (!written) return;
    end_piece(*written, effects);
    apply_pieces(effects);
  });
  return std::nullopt;
}

std::optional<StorageWritten> Replica::apply_piece(const wire::StreamPiece& piece) {
  if (piece.changes.empty()) return StorageWritten{};
  auto written = storage_.apply(views_of(piece.changes));
  if (!written) {
    storage_.await<StorageWritten>([this](StorageWritten later_written, Effects& effects) {
      end_piece(later_written, effects);
      apply_pieces(effects);
    });
  }
  return written;
}

void Replica::end_piece(const StorageWritten& written, Effects& effects) {
  const bool is_abandoned = followed_.current() == nullptr;
  if (const auto piece = followed_.end_piece(!written.error)) {
    seq_ = piece->seq;
    clock_.observe(piece->last_version);
    for (const wire::MergeMark& mark : piece->merges)
      note_merge(mark);
  }
  if (!is_abandoned) effects.ack = followed_.acknowledgement();
}

}  // namespace dht::replica
