// FollowedStream: a learner's or backup's side of its stream: which pieces it takes, and in what order they are
// applied.
//
// Pieces are applied one at a time. What was applied is a prefix of the stream, whatever arrives.
//
// Thread rule: part of the replica's monitor. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/ring.h"
#include "wire/replication.h"

namespace dht::replica {

class FollowedStream {
 public:
  enum class Verdict { taken, repeated, refused };

  /// Follows `stream` from its beginning, and nothing else any more. A piece of the former one that is being applied is
  /// abandoned: it still has to end.
  void begin(const wire::StreamId& stream);
  /// Follows `stream`, whose first piece changed nothing and is applied. Must be idle.
  void resume(const wire::StreamId& stream);
  /// Refuses everything from now on, and forgets what has not been begun. What is being applied still counts.
  void stop_taking();
  /// Follows nothing: refuses everything.
  void end_following();

  /// Keeps the next piece. One that came before is `repeated`; a gap, another stream, and whatever follows a piece that
  /// could not be applied are refused.
  Verdict take(wire::StreamPiece piece);

  /// The piece to apply now; none where one is being applied already.
  const wire::StreamPiece* begin_piece();
  /// The piece being applied; none where it has been abandoned.
  const wire::StreamPiece* current() const { return applying_ && !abandoned_ ? &waiting_.front() : nullptr; }
  /// The piece begun last has been applied, or could not be. Gives it back where it was applied and not abandoned.
  std::optional<wire::StreamPiece> end_piece(bool applied);

  bool is_idle() const noexcept { return !applying_ && waiting_.empty(); }
  bool is_following() const noexcept { return id_.has_value(); }
  /// The pieces of `stream` up to `index` are where a crash cannot undo them. False where it is followed no more.
  bool note_durable(const wire::StreamId& stream, std::uint64_t index) noexcept;
  /// "Everything up to here is applied, and durable", or that the stream failed.
  wire::StreamAck acknowledgement() const { return {id_.value(), durable_, failed_}; }

 private:
  std::optional<wire::StreamId> id_;
  std::uint64_t received_ = 0;
  std::uint64_t applied_ = 0;  ///< applied_ + waiting_.size() == received_, unless failed_
  std::uint64_t durable_ = 0;  ///< <= applied_
  bool failed_ = false;
  bool applying_ = false;   ///< waiting_.front(), unless abandoned_
  bool abandoned_ = false;  ///< what is being applied belongs to a former stream
  base::Ring<wire::StreamPiece> waiting_;
};

}  // namespace dht::replica
