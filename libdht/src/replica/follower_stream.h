// FollowerStream: the primary's side of one stream to one learner or backup: what was sent, what is acknowledged, how
// far the scan is.
//
//   copying:   scanning --(the end of the scan is acknowledged)--> counted --(what was sent by then, too)--> level
//   comparing: the same, by digests of ranges; those that differ are sent before the scan is at its end
//   a learner with an old copy: asked --(position acknowledged)--> resuming, comparing or copying
//   resuming:  asked --(position acknowledged, what is missing sent)--> level
//   a backup:  any --(connection broken)--> broken --(tried again)--> asked
//   any of them --(refused, out of reach for long)--> lost: nothing is sent any more; counted it stays
//
// A backup is counted from the beginning; a learner once it has shown that it keeps up, so that none makes writes wait
// which cannot be reached.
//
// Thread rule: part of the replica's monitor. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/scheduler.h>
#include <dht/storage.h>

#include "base/ring.h"
#include "replica/pending_writes.h"
#include "wire/replication.h"

namespace dht::replica {

class FollowerStream {
 public:
  /// To a learner, by a copy.
  static FollowerStream to_learner(PartitionId partition, Epoch primary_since, const LearnerRecord& learner);
  /// To a backup of a primary that has just taken over; begins with `take_up`.
  static FollowerStream to_backup(PartitionId partition, Epoch primary_since, NodeId backup);

  NodeId follower() const noexcept { return follower_; }
  const wire::StreamId& id() const noexcept { return id_; }
  LearnerRecord record() const noexcept { return {follower_, id_.since, has_old_copy_}; }
  bool has_old_copy() const noexcept { return has_old_copy_; }

  bool is_backup() const noexcept { return is_backup_; }
  /// The map counts the learner among the backups now.
  void promote() noexcept { is_backup_ = true; }

  /// Writes wait for a counted follower.
  bool is_counted() const noexcept { return is_backup_ || counted_from_ != 0; }
  /// The follower has all that the primary had when it began to count, or when the stream was taken up.
  bool is_level() const noexcept;
  bool is_lost() const noexcept { return state_ == State::lost; }
  bool is_broken() const noexcept { return state_ == State::broken; }
  /// Whether pieces can be sent.
  bool is_flowing() const noexcept { return state_ == State::flowing; }
  bool awaits_position() const noexcept { return state_ == State::asked; }
  /// The follower surely has every change up to here. Zero before it is known to have what preceded the stream.
  Seq confirmed() const noexcept { return confirmed_; }

  /// Begins anew where it broke, or for the first time: the piece that asks for the follower's position.
  wire::StreamPiece take_up();
  /// The learner's old copy is of no use, or only in parts: begins with piece 1, which is for the caller to send. A
  /// comparison goes on in the same stream.
  void begin_copy();
  void begin_comparison();
  /// What was sent by now is all that the learner lacks.
  void end_copy() noexcept;
  /// The follower stands at `seq`, a place in the primary's history; what follows it is sent from now on.
  void resume_after(Seq seq);

  /// Numbers the next piece; the caller sends it. All but `stream` and `index` are given by the caller.
  wire::StreamPiece next_piece(wire::StreamPiece piece);

  /// Whether a chunk of the scan is to be read: none is being read and the window has room.
  bool wants_chunk(std::size_t window_bytes) const noexcept {
    return is_flowing() && is_copying_ && scan_end_ == 0 && !chunk_under_way_ && unacknowledged_bytes_ < window_bytes &&
           (cursor_ != kScanEnd || !differing_.empty() || is_comparison_over());
  }
  ScanCursor cursor() const noexcept { return cursor_; }
  void begin_chunk() noexcept { chunk_under_way_ = true; }
  /// Nothing was read after all.
  void give_chunk_back() noexcept { chunk_under_way_ = false; }

  bool is_comparing() const noexcept { return is_comparing_; }
  /// The learner has something else in that range.
  void note_difference(const wire::ScanRange& range);
  /// A range to be sent before the comparison goes on; none where there is none.
  std::optional<wire::ScanRange> next_difference() const {
    return differing_.empty() ? std::nullopt : std::optional(differing_.front());
  }
  /// The first difference has been sent up to here.
  void resolve_difference(ScanCursor to) noexcept;
  /// The ranges up to `next` have been sent as digests.
  void end_digests(ScanCursor next) noexcept;
  /// Everything was compared, and what differed has been sent.
  bool is_comparison_over() const noexcept {
    return is_comparing_ && cursor_ == kScanEnd && differing_.empty() && acknowledged_ >= last_digests_;
  }
  /// The chunk, if there was anything in it, has been sent; the scan goes on at `next`.
  void end_chunk(ScanCursor next) noexcept;

  /// Pieces up to `index` are applied. False where it names a piece that was never sent.
  bool acknowledge(std::uint64_t index);
  /// A hint: a piece or its acknowledgement is about to come.
  void fetch_ahead() const noexcept { unacknowledged_.fetch_ahead(); }
  /// The connection broke. A learner is lost by that, since what it has applied of the copy is not known.
  void break_off() noexcept;
  void lose() noexcept { state_ = State::lost; }

  /// Whether the follower owes an answer, or cannot be asked.
  bool is_waiting() const noexcept { return is_broken() || acknowledged_ < sent_; }
  /// Looked at again and again: true once the follower has made no progress for `patience`.
  bool is_out_of_patience(Instant now, Duration patience);

 private:
  enum class State { asked, flowing, broken, lost };
  struct Sent {
    Seq seq;
    std::size_t bytes;
  };

  FollowerStream(NodeId follower, const wire::StreamId& id, bool is_backup)
      : follower_(follower), id_(id), is_backup_(is_backup), is_copying_(!is_backup) {}
  void begin_anew();
  wire::StreamPiece number(wire::StreamPiece piece);
  void confirm() noexcept;

  NodeId follower_;
  wire::StreamId id_;
  bool is_backup_;
  bool is_copying_;  ///< until it is taken up again
  bool has_old_copy_ = false;
  bool is_comparing_ = false;
  State state_ = State::flowing;

  std::uint64_t sent_ = 0;                ///< index of the last piece sent
  std::uint64_t acknowledged_ = 0;        ///< <= sent_
  Seq applied_ = 0;                       ///< the position that the last acknowledged piece carried
  Seq confirmed_ = 0;                     ///< the same, once what preceded the stream is known to be there
  base::Ring<Sent> unacknowledged_;       ///< pieces acknowledged_ + 1 .. sent_
  std::size_t unacknowledged_bytes_ = 0;  ///< their sum
  ScanCursor cursor_ = 0;
  bool chunk_under_way_ = false;
  std::deque<wire::ScanRange> differing_;
  std::uint64_t last_digests_ = 0;  ///< the last piece with digests
  std::uint64_t scan_end_ = 0;      ///< the piece that ended the scan; zero while scanning
  std::uint64_t counted_from_ = 0;  ///< the last piece sent when the learner began to count; zero before

  std::uint64_t looked_at_ = 0;         ///< `acknowledged_` when it was looked at last
  std::optional<Instant> waits_since_;  ///< by what was looked at
};

}  // namespace dht::replica
