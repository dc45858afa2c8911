// LearnerStream: the primary's side of one stream to one learner: what was sent, what is acknowledged, how far the scan
// is.
//
//   scanning --(the scan is at its end)--> counted --(that point is acknowledged)--> level
//   any of them --(refused, unreachable)--> lost: nothing is sent any more; counted it stays
//
// Thread rule: part of the replica's monitor. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/storage.h>

#include "replica/pending_writes.h"
#include "wire/replication.h"

namespace dht::replica {

class LearnerStream {
 public:
  LearnerStream(NodeId learner, const wire::StreamId& id) : learner_(learner), id_(id) {}

  NodeId learner() const noexcept { return learner_; }
  const wire::StreamId& id() const noexcept { return id_; }
  LearnerRecord record() const noexcept { return {learner_, id_.since}; }

  /// Writes wait for a counted learner.
  bool is_counted() const noexcept { return scan_end_ != 0; }
  bool is_level() const noexcept { return is_counted() && acknowledged_ >= scan_end_; }
  bool is_lost() const noexcept { return lost_; }
  /// The learner surely has every change up to here. Zero before it is level: what preceded the stream comes with the
  /// scan.
  Seq confirmed() const noexcept { return is_level() ? confirmed_ : 0; }

  /// Numbers the next piece; the caller sends it. `piece.seq` and all that follows it are given by the caller.
  wire::StreamPiece next_piece(wire::StreamPiece piece);

  /// Whether a chunk of the scan is to be read: none is being read and the window has room.
  bool wants_chunk(std::size_t window_bytes) const noexcept {
    return !lost_ && !is_counted() && !chunk_under_way_ && unacknowledged_bytes_ < window_bytes;
  }
  ScanCursor cursor() const noexcept { return cursor_; }
  void begin_chunk() noexcept { chunk_under_way_ = true; }
  /// The chunk, if there was anything in it, has been sent; the scan goes on at `next`. At its end the learner counts.
  void end_chunk(ScanCursor next) noexcept;

  /// Pieces up to `index` are applied. False where it names a piece that was never sent.
  bool acknowledge(std::uint64_t index);
  void lose() noexcept { lost_ = true; }

 private:
  struct Sent {
    Seq seq;
    std::size_t bytes;
  };

  NodeId learner_;
  wire::StreamId id_;
  std::uint64_t sent_ = 0;                ///< index of the last piece sent
  std::uint64_t acknowledged_ = 0;        ///< <= sent_
  Seq confirmed_ = 0;                     ///< the position that the last acknowledged piece carried
  std::deque<Sent> unacknowledged_;       ///< pieces acknowledged_ + 1 .. sent_
  std::size_t unacknowledged_bytes_ = 0;  ///< their sum
  ScanCursor cursor_ = 0;
  bool chunk_under_way_ = false;
  std::uint64_t scan_end_ = 0;  ///< the piece that ended the scan; zero while scanning
  bool lost_ = false;
};

}  // namespace dht::replica
