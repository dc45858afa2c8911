// Replica: one node's copy of one partition. Pure logic: events and the time come in, effects go out; the only thing it
// calls is the PartitionStorage that it owns, and that may complete later.
//
// Roles (design: "Replication and moves"):
//   learner   applies one stream from the primary, piece by piece, and answers nobody.
//   primary   orders writes, answers reads and writes, streams to learners. It is *serving* from `serve()` until
//   `stop()`.
//
// What must hold:
//   - A write is answered when the own storage has it and every *counted* learner has acknowledged it.
//   - A read returns a value only when the write that made it has been answered or could be: it waits for the writes of
//     its key that were pending when it arrived, and for no later ones. The same holds for a failed precondition.
//   - Versions strictly grow; the clock travels with every copy.
//   - A learner is counted before it is reported level, and stops being counted only by a newer map (`configure`).
//   - A stopped primary never serves that epoch again.
//
// Storage that completes later: operations on the same key wait for each other in order of arrival, other keys go on.
// What reads or changes many keys (a scan, a chunk for a learner, a merge batch) has the partition to itself: it begins
// when no operation is with the storage and holds new ones back until it is done. So a scan sees every write that was
// begun before it, and a chunk is read in the same critical section that gives it its place.
//
// Order: a change gets its version when it goes to the storage, and its number (seq) and so its place in every stream
// when the storage has it. Where the storage completes in another order than it was asked, versions of different keys
// may stand in the stream out of order; those of one key never do, and the clock that each piece carries is no older
// than any version before it. A change that the storage refuses gets no number and is sent to nobody.
//
// Thread rule: a monitor's inside. The owner calls one method at a time, under its lock, and carries the effects out
// after releasing it. Storage completions that come later re-enter through `Reentry`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/storage.h>
#include <dht/table.h>

#include "base/hybrid_clock.h"
#include "replica/effects.h"
#include "replica/followed_stream.h"
#include "replica/learner_stream.h"
#include "replica/pending_writes.h"
#include "replica/reentry.h"
#include "replica/storage_calls.h"
#include "replica/turns.h"
#include "wire/replication.h"

namespace dht::replica {

struct ReplicaOptions {
  std::size_t chunk_bytes = 64 * 1024;  ///< of keys and values, per chunk of a scan
  /// Sent to one learner and not acknowledged; past it no further chunk. The streams to one node share a connection:
  /// 64 moves at a time, each of a window and the chunk that crosses it, are 36 MiB of the 64 MiB that its queue holds.
  /// The rest is for live writes, which no window holds back.
  std::size_t window_bytes = 512 * 1024;
};

/// What the leader is told of a replica, again and again.
struct ReplicaReport {
  Epoch epoch = 0;
  bool stopped = false;              ///< handed over: stopped in `epoch` and drained
  std::vector<LearnerRecord> level;  ///< learners that have everything and are counted
  std::vector<LearnerRecord> lost;   ///< learners whose stream broke; to be removed by the leader
};

class Replica {
 public:
  enum class Role { learner, primary };

  /// Starts as a learner without a stream; `storage` may hold entries (a founder's, a kept copy).
  Replica(PartitionId partition, std::unique_ptr<PartitionStorage> storage, Reentry& reentry, ReplicaOptions options);
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  PartitionId partition() const noexcept { return partition_; }
  Role role() const noexcept { return role_; }
  Epoch epoch() const noexcept { return epoch_; }
  /// The revision that added this learner; zero before a stream and for a primary.
  Revision since() const noexcept { return since_; }
  bool is_serving() const noexcept { return role_ == Role::primary && !stopping_; }  ///< primary, and not stopped
  StorageStatistics statistics() const { return storage_.statistics(); }
  ReplicaReport report() const;

  // As the map says.

  /// Becomes primary of `epoch` (greater than the present one) and serves. The storage and the clock are as the stream
  /// left them; `learners` as in `configure`.
  void serve(Epoch epoch, const std::vector<LearnerRecord>& learners, Effects& effects);
  /// The learners that the newest map names for this epoch. New ones get a stream; those no longer named are dropped
  /// and no longer waited for. Ignored by a learner.
  void configure(const std::vector<LearnerRecord>& learners, Effects& effects);
  /// Stops serving in `epoch` (ignored in another) and drains; `report().stopped` says when nothing is with the storage
  /// any more, all that was pending has been answered and every counted learner has acknowledged everything.
  void stop(Epoch epoch, Effects& effects);

  // Clients' operations. Only while `is_serving()`. An outcome returned at once leaves `handler` untouched; otherwise
  // it is moved from and called through the effects of a later step. `wall_ms` is the wall clock, for the version.
  // Where the storage fails, nothing was changed and the error is Errc::not_applied.

  std::optional<ReadOutcome> get(std::string_view key, GetHandler& handler, Effects& effects);
  std::optional<WriteOutcome> write(const WriteRequest& request, const Precondition& precondition,
                                    std::uint64_t wall_ms, WriteHandler& handler, Effects& effects);
  /// Done, too, where the number took effect before. Errc::invalid_argument for a number that skips one.
  void merge(wire::MergeBatch batch, DoneHandler handler, Effects& effects);
  /// Erases, as ordered erases, every entry that is an unchanged copy of `cluster`. After an error some are still
  /// there; safe to repeat.
  void drop_copies(ClusterId cluster, DoneHandler handler, Effects& effects);
  /// Marks the entry as an unchanged copy of `cluster` where it still has `version`. Its version stays. A mark that the
  /// storage cannot take is passed over: without it an entry is only copied once more.
  void mark_copy(std::string_view key, Version version, ClusterId cluster, Effects& effects);
  /// Reads part of the entries; for listings and for the copy of a joining node. Unlike the others it may be called at
  /// any time: a learner and a drained primary have nothing to give, since another node is or will be primary.
  std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler& handler,
                                     Effects& effects);
  /// The version that the clock has reached: every entry here has this version or an older one.
  Version last_version() const noexcept { return clock_.last(); }
  /// All further versions are greater than `version`: for a storage that was filled from elsewhere (a kept copy). To be
  /// called before `serve`, since it does not travel.
  void raise_clock(Version version) noexcept;
  /// The map of revision `by` lists nobody as joining: the numbers of those that older ones listed are forgotten. Any
  /// role; no batch of theirs may come afterwards.
  void forget_merges(Revision by) noexcept;

  // The stream, at the primary.

  void on_ack(NodeId learner, const wire::StreamAck& ack, Effects& effects);
  /// The connection to this learner broke: what was sent may be lost, so every stream to it is.
  void on_learner_unreachable(NodeId learner, Effects& effects);

  // The stream, at the learner.

  /// Piece 1 of a stream that is newer (by epoch, then since) than the present one begins anew with an empty storage. A
  /// serving primary, an older stream and a gap are refused.
  void on_piece(wire::StreamPiece piece, Effects& effects);

  /// Gives the storage of a drained primary away; the replica is not used any more.
  std::unique_ptr<PartitionStorage> release() &&;

 private:
  struct WriteJob;
  struct MarkJob;
  struct MergeJob;
  struct DropJob;

  // One key (replica_operations.cc, replica_copies.cc). Each `start_` is called when it is the key's turn.
  std::optional<ReadOutcome> start_get(std::string_view key, GetHandler& handler);
  std::optional<ReadOutcome> finish_get(std::string_view key, StorageRead read, GetHandler& handler);
  std::optional<WriteOutcome> start_write(WriteJob& job, WriteHandler& handler, Effects& effects);
  std::optional<WriteOutcome> apply_write(WriteJob& job, const StorageRead& read, WriteHandler& handler,
                                          Effects& effects);
  std::optional<WriteOutcome> finish_write(const WriteJob& job, const StorageWritten& written, WriteHandler& handler,
                                           Effects& effects);
  std::optional<WriteOutcome> answer_unchanged(std::string_view key, const WriteOutcome& outcome,
                                               WriteHandler& handler);
  void start_mark(MarkJob job, Effects& effects);
  void apply_mark(MarkJob job, StorageRead read, Effects& effects);
  void finish_mark(const MarkJob& job, const StorageWritten& written, Effects& effects);

  // The whole partition (replica_operations.cc, replica_merge.cc, replica_copies.cc).
  std::optional<StorageScanned> start_scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler& handler);
  void start_merge(MergeJob job, Effects& effects);
  void decide_merge(MergeJob job, Effects& effects);
  void apply_merge(MergeJob job, Effects& effects);
  void finish_merge(MergeJob job, const StorageWritten& written, Effects& effects);
  void note_merge(const wire::MergeMark& mark);
  void start_drop(DropJob job, Effects& effects);
  void erase_copies(DropJob job, const StorageScanned& scanned, Effects& effects);
  void finish_drop_chunk(DropJob job, const StorageWritten& written, Effects& effects);
  void answer_when_committed(DoneHandler handler, Effects& effects);

  // Numbering and the streams to learners (replica_streams.cc).
  bool is_counting() const noexcept;
  /// Gives the applied changes their place in the history and sends them to every learner.
  Seq number(std::span<const StorageChange> changes, std::vector<wire::MergeMark> merges, Effects& effects);
  void commit_what_is_acknowledged(Effects& effects);
  void check_drained(Effects& effects);
  LearnerStream* find_stream(NodeId learner, const wire::StreamId& id) noexcept;
  void begin_stream(const LearnerRecord& learner, Effects& effects);
  void send(LearnerStream& stream, std::vector<wire::MergeMark> merges, std::vector<wire::Change> changes,
            Effects& effects);
  void lose(LearnerStream& stream, Effects& effects);
  void feed(LearnerStream& stream, Effects& effects);
  void read_chunk(NodeId learner, const wire::StreamId& id, Effects& effects);
  void place_chunk(LearnerStream& stream, const StorageScanned& scanned, Effects& effects);

  // The stream from the primary (replica_following.cc).
  bool begins_newer_stream(const wire::StreamPiece& piece) const noexcept;
  void follow(const wire::StreamId& stream);
  void apply_pieces(Effects& effects);
  std::optional<StorageWritten> forget_then_apply(const wire::StreamPiece& piece);
  std::optional<StorageWritten> apply_piece(const wire::StreamPiece& piece);
  void end_piece(const StorageWritten& written, Effects& effects);

  const PartitionId partition_;
  const ReplicaOptions options_;

  Role role_ = Role::learner;
  Epoch epoch_ = 0;
  Revision since_ = 0;
  bool stopping_ = false;  ///< since `stop`, until `serve`
  bool drained_ = false;   ///< stopping, and nothing is pending

  // What travels with every copy.
  Seq seq_ = 0;
  base::HybridClock clock_;
  /// Per joiner, how far its merge has come here.
  struct MergeProgress {
    std::uint64_t number = 0;
    Revision by = 0;
  };
  std::map<NodeId, MergeProgress> merges_;

  // At the primary.
  Turns turns_;
  PendingWrites pending_;               ///< empty while no learner is counted
  std::vector<LearnerStream> streams_;  ///< at most one per node

  // At the learner.
  FollowedStream followed_;

  StorageCalls storage_;
};

}  // namespace dht::replica
