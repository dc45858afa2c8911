// The learner and the backup: applies the pieces of its stream, and acknowledges what its storage has.
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "replica/changes.h"
#include "replica/merge.h"
#include "replica/replica.h"

namespace dht::replica {

void Replica::on_piece(wire::StreamPiece piece, Effects& effects) {
  const wire::StreamId stream = piece.stream;
  if (!fits(piece)) {
    effects.ack = wire::StreamAck{.stream = stream, .index = 0, .refused = true};
    return;
  }
  if (may_begin(piece)) {
    if (piece.start == wire::StreamStart::resume) {
      resuming_ = stream;
      followed_.stop_taking();
      return on_followed_idle(effects);
    }
    follow_copy(stream);
  }
  switch (followed_.take(std::move(piece))) {
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

bool Replica::follows(const wire::StreamId& stream) const noexcept {
  return resuming_ ? stream == *resuming_ : role_ != Role::primary && stream == stream_;
}

/// Whether the piece makes sense; what it says of the history is looked at when its turn comes.
bool Replica::fits(const wire::StreamPiece& piece) const noexcept {
  const bool has_past = piece.starts.empty() || piece.starts.back().epoch <= piece.stream.epoch;
  return piece.stream.partition == partition_ && is_sound(piece.changes) &&
         piece.last_version < base::HybridClock::kLimit && has_past;
}

/// A primary follows another one only when it has been stopped and nothing is pending that it would have to answer.
bool Replica::may_begin(const wire::StreamPiece& piece) const noexcept {
  const bool is_beginning = piece.start == wire::StreamStart::copy || piece.start == wire::StreamStart::resume;
  if (piece.index != 1 || !is_beginning || piece.stream.epoch <= sealed_until_) return false;
  const wire::StreamId& present = resuming_ ? *resuming_ : stream_;
  const auto age = [](const wire::StreamId& id) { return std::tie(id.epoch, id.since, id.attempt); };
  if (age(piece.stream) <= age(present)) return false;
  return role_ != Role::primary || (drained_ && piece.stream.epoch > stream_.epoch);
}

void Replica::follow_copy(const wire::StreamId& stream) {
  followed_.begin(stream);
  role_ = Role::learner;
  stream_ = stream;
  epoch_ = stream.epoch;
  is_open_ = stopping_ = drained_ = false;
  resuming_.reset();
  sealed_in_ = 0;
  is_complete_ = false;
  differing_.clear();
  streams_.clear();
  merges_.clear();  // the clock alone stays: it may be ahead, never behind
}

/// Whatever it had taken has been applied.
void Replica::on_followed_idle(Effects& effects) {
  if (!followed_.is_idle()) return;
  if (to_activate_) return activate(effects);
  if (resuming_) return resume_following(effects);
  if (sealed_in_ == epoch_) effects.report_changed = true;
}

void Replica::resume_following(Effects& effects) {
  const wire::StreamId before = std::exchange(stream_, *std::exchange(resuming_, std::nullopt));
  // The map that says what this replica is now may be on its way. By that it may be a backup no more, but learn anew.
  if (stream_.since > before.since) {
    role_ = Role::learner;
  } else if (role_ == Role::primary) {
    role_ = Role::backup;  // it has handed over
  }
  is_open_ = stopping_ = drained_ = false;
  streams_.clear();
  differing_.clear();
  followed_.resume(stream_);
  tell_position(effects);
}

/// The primary will take it for granted that all of it is here, so it must be durable.
void Replica::tell_position(Effects& effects) {
  sync_then(
      SyncFor::answer,
      [this, stream = stream_](Effects& later) {
        if (role_ == Role::primary || stream_ != stream || !followed_.is_following()) return;
        later.ack = wire::StreamAck{
            .stream = stream, .index = 1, .position = history_.position(), .scan_order = storage_.scan_order()};
      },
      effects);
}

void Replica::back_up(const PartitionRecord& record, bool is_primary_down, Effects& effects) {
  depose(effects);
  role_ = Role::backup;
  epoch_ = record.epoch;
  if (is_primary_down && sealed_in_ != epoch_) seal(record.primary_since, effects);
}

void Replica::set_aside(Effects& effects) {
  DHT_ASSERT(is_complete_);
  depose(effects);
  role_ = Role::learner;
  resuming_.reset();
  followed_.stop_taking();
}

void Replica::stop_following(Effects& effects) {
  if (role_ != Role::primary) seal(stream_.epoch, effects);
}

/// What the leader is told holds from then on: nothing more of that primary is taken.
void Replica::seal(Epoch primary_since, Effects& effects) {
  sealed_until_ = primary_since;
  sealed_in_ = epoch_;
  resuming_.reset();
  followed_.stop_taking();
  on_followed_idle(effects);
}

void Replica::apply_pieces(Effects& effects) {
  while (const wire::StreamPiece* piece = followed_.begin_piece()) {
    const bool has_ranges = piece->start == wire::StreamStart::digests || piece->start == wire::StreamStart::replace;
    const auto written = piece->start == wire::StreamStart::copy ? forget_then_apply(*piece)
                         : has_ranges                            ? begin_ranges(*piece)
                                                                 : apply_piece(*piece);
    if (!written) return;
    end_piece(*written, effects);
  }
  on_followed_idle(effects);
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
  const bool follows = piece.seq == history_.seq() || piece.seq == history_.seq() + 1;
  const bool begins = piece.start == wire::StreamStart::copy || piece.start == wire::StreamStart::compare;
  if (!follows && !begins) return StorageWritten{.error = Errc::corrupt};
  const bool is_news = !piece.changes.empty() || !piece.starts.empty() || !piece.merges.empty();
  const bool says_more = piece.start == wire::StreamStart::copied || piece.start == wire::StreamStart::compare;
  if (!is_news && !says_more) return StorageWritten{};
  if (piece.changes.empty() && !is_durable_) return StorageWritten{};
  return await_piece(storage_.apply(ChangeViews(piece.changes), state_after(piece)));
}

std::optional<StorageWritten> Replica::await_piece(std::optional<StorageWritten> written) {
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
  auto piece = followed_.end_piece(!written.error);
  if (!piece) {
    if (!is_abandoned && followed_.is_following()) effects.ack = followed_.acknowledgement();
    return;
  }
  const std::uint64_t index = piece->index;
  note_applied(std::move(*piece));
  if (followed_.is_following()) acknowledge_when_durable(index, effects);
}

void Replica::acknowledge_when_durable(std::uint64_t index, Effects& effects) {
  sync_then(
      SyncFor::answer,
      [this, stream = stream_, index](Effects& later) {
        if (!followed_.note_durable(stream, index)) return;
        wire::StreamAck ack = followed_.acknowledgement();
        ack.differing = std::exchange(differing_, {});
        // Of one that is not on its way yet all must be told, too.
        if (later.ack)
          ack.differing.insert(ack.differing.end(), later.ack->differing.begin(), later.ack->differing.end());
        later.ack = std::move(ack);
      },
      effects);
}

void Replica::note_applied(wire::StreamPiece piece) {
  clock_.observe(piece.last_version);
  if (piece.start == wire::StreamStart::copied) is_complete_ = true;
  if (piece.start == wire::StreamStart::compare) {
    is_complete_ = false;
    merges_.clear();
  }
  for (const wire::MergeMark& mark : piece.merges)
    note_merge(mark);
  if (piece.start == wire::StreamStart::copy || piece.start == wire::StreamStart::compare) {
    history_.begin_copy(piece.seq, std::move(piece.starts));
  } else if (!piece.starts.empty()) {
    history_.adopt(std::move(piece.starts));
  }
  if (piece.seq == history_.seq() + 1) {
    history_.extend(piece.seq);
    history_.keep({piece.seq, std::move(piece.merges), std::move(piece.changes)});
  }
  forget_history(piece.committed);
}

}  // namespace dht::replica
