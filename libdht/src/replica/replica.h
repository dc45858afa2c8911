// Replica: one node's copy of one partition. Pure logic: events and the time come in, effects go out; the only thing it
// calls is the PartitionStorage that it owns, and that may complete later.
//
// Roles (design: "Replication and moves"):
//   learner   applies one stream from the primary, piece by piece, from an empty beginning, and answers nobody.
//   backup    the same, with all that the primary has: it can take the primary's place.
//   primary   orders writes, answers reads and writes, streams to the others. It takes over by `serve()`, is *serving*
//             once its backups are level, and until `stop()`.
//
// What must hold:
//   - A write is answered when the own storage has it and every backup and every *counted* learner has acknowledged it.
//   - A read returns a value only when the write that made it has been answered or could be: it waits for the writes of
//     its key that were pending when it arrived, and for no later ones. The same holds for a failed precondition.
//   - Versions strictly grow; the clock travels with every copy.
//   - A learner is counted before it is reported level, and stops being counted only by a newer map (`configure`).
//   - A stopped primary does not serve again before it takes over anew, in a later epoch.
//   - A new primary serves only when every backup of its configuration has its last change. A backup is brought level
//     only from a position in the primary's history; one that stands elsewhere, or is out of reach, leaves the
//     configuration first, by a newer map.
//   - A backup that has told its position to the leader (it is *sealed*) takes nothing more of the primary that is
//   down.
//
// Storage that completes later: operations on the same key wait for each other in order of arrival, other keys go on.
// What reads or changes many keys (a scan, a chunk for a learner, a merge batch) has the partition to itself: it begins
// when no operation is with the storage and holds new ones back until it is done. So a scan sees every write that was
// begun before it, and a chunk is read in the same critical section that gives it its place.
//
// Order: a change gets its version and its number (seq), and so its place in every stream, when it goes to the storage,
// which makes changes durable in that order; it is sent at once, and answered when the own storage has it for good,
// too. A change that the storage refuses at once gets no number and is sent to nobody. After one that fails later the
// replica answers nobody any more: what its storage holds is not known (see dht/storage.h).
//
// Durable storage: with every change goes the state (replica_state.h) that it leads to. What a replica is about to
// claim is durable before: a new primary's epoch before it serves, a backup's position before it tells it.
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
#include <dht/membership.h>
#include <dht/scheduler.h>
#include <dht/storage.h>
#include <dht/table.h>

#include "base/hybrid_clock.h"
#include "replica/effects.h"
#include "replica/followed_stream.h"
#include "replica/follower_stream.h"
#include "replica/history.h"
#include "replica/pending_writes.h"
#include "replica/reentry.h"
#include "replica/replica_state.h"
#include "replica/storage_calls.h"
#include "replica/stored_changes.h"
#include "replica/turns.h"
#include "wire/replication.h"

namespace dht::replica {

struct ReplicaOptions {
  std::size_t chunk_bytes = 64 * 1024;  ///< of keys and values, per chunk of a scan
  /// Sent to one learner and not acknowledged; past it no further chunk. The streams to one node share a connection:
  /// 64 moves at a time, each of a window and the chunk that crosses it, are 36 MiB of the 64 MiB that its queue holds.
  /// The rest is for live writes, which no window holds back.
  std::size_t window_bytes = 512 * 1024;
  /// Of entries whose digest is one, where a learner's old copy is compared.
  std::size_t range_bytes = 4 * 1024;
  /// Of changes that everybody has, kept for followers that were away, where the storage is durable.
  std::size_t history_bytes = 16 * 1024;
};

class Replica {
 public:
  enum class Role { learner, backup, primary };

  /// Starts as a learner without a stream; `storage` may hold entries (a founder's, a kept copy), and where it is
  /// durable the state that a former run of the node has left.
  Replica(PartitionId partition, std::unique_ptr<PartitionStorage> storage, Reentry& reentry, ReplicaOptions options);
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  PartitionId partition() const noexcept { return partition_; }
  Role role() const noexcept { return role_; }
  /// Of the map by which it has its role.
  Epoch epoch() const noexcept { return epoch_; }
  /// In which the primary took over that this one follows, or this one itself.
  Epoch primary_since() const noexcept { return stream_.epoch; }
  /// The revision that added this learner; zero before a stream and for a primary.
  Revision since() const noexcept { return stream_.since; }
  /// A primary that has taken over and is not stopped.
  bool is_serving() const noexcept { return role_ == Role::primary && is_open_ && !stopping_; }
  bool is_drained() const noexcept { return drained_; }
  /// It has all that was numbered up to its position.
  bool is_complete() const noexcept { return is_complete_; }
  /// Whether it takes that stream, or is about to.
  bool follows(const wire::StreamId& stream) const noexcept;
  StorageStatistics statistics() const { return storage_.statistics(); }
  ReplicaPosition position() const noexcept { return history_.position(); }
  /// What the leader is told, again and again.
  PartitionReport report() const;

  // As the map says; `record` is the partition's.

  /// Takes over as primary, in an epoch in which it has not: brings the backups level, and serves. The storage and the
  /// clock are as the stream left them.
  void serve(const PartitionRecord& record, Effects& effects);
  /// This node was its primary, in the same term, before it was restarted: it is stopped, since what it had sent and
  /// not stored is forgotten here, and never serves that term again.
  void come_back(const PartitionRecord& record, Effects& effects);
  /// The backups and learners that a newer map names for the same primary. New learners get a stream; who is no longer
  /// named is dropped and no longer waited for. Ignored by others than a primary.
  void configure(const PartitionRecord& record, Effects& effects);
  /// This backup of the primary is down by the map, so it is not waited for where the leader takes it out.
  void give_up_backup(NodeId backup, Effects& effects);
  /// Stops serving in `epoch` (ignored in another) and drains; `report().stopped` says when nothing is with the storage
  /// any more, all that was pending has been answered and every counted follower has acknowledged everything.
  void stop(Epoch epoch, Effects& effects);
  /// Is a backup. Where the primary is down it is sealed.
  void back_up(const PartitionRecord& record, bool is_primary_down, Effects& effects);
  /// Another one is primary by a newer map, which this one did not hand over to: what is pending may have been lost or
  /// not. Writes are answered so (outcome_unknown), reads may be asked elsewhere (not_applied).
  void depose(Effects& effects);
  /// The same for a primary that leaves its cluster with what it has: it stops and drains without anybody.
  void stop_alone(Effects& effects);

  // Clients' operations. Only while `is_serving()`. An outcome returned at once leaves `handler` untouched; otherwise
  // it is moved from and called through the effects of a later step. `wall_ms` is the wall clock, for the version.
  // Where the storage fails, nothing was changed and the error is Errc::not_applied.

  /// A hint, see PartitionStorage::expect: an operation on that key is about to come, or where it is empty a frame of a
  /// stream. What of the replica itself will be used is fetched first. In any role.
  void expect(PartitionStorage::ExpectedKey& expected, unsigned step) const noexcept;
  static constexpr unsigned kExpectSteps = 2 + PartitionStorage::kExpectSteps;
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

  void on_ack(NodeId follower, const wire::StreamAck& ack, Effects& effects);
  /// Once for each of `Effects::chunk_asks`, at any time: the owner paces the copies. Nothing where the stream has
  /// ended meanwhile.
  void give_chunk(const Effects::ChunkAsk& ask, Effects& effects);
  /// The connection to this node broke: what was sent may be lost. The stream to a learner is given up, that to a
  /// backup is taken up again by `tend`.
  void on_follower_unreachable(NodeId follower, Effects& effects);
  /// Takes up what has broken, and gives up whoever makes writes wait for `patience` (learners for longer). To be
  /// called again and again while `awaits_followers`. The backups that are given up.
  std::vector<NodeId> tend(Instant now, Duration patience, Effects& effects);
  bool awaits_followers() const noexcept;

  // The stream, at the learner or backup.

  /// Piece 1 of a stream that is newer than the present one begins it: as a copy, with an empty storage, or resuming.
  /// A primary that is not drained, a sealed backup, an older stream and a gap are refused.
  void on_piece(wire::StreamPiece piece, Effects& effects);

  /// A learner or backup takes nothing any more; once it is idle its storage may be given away.
  void stop_following(Effects& effects);
  /// The map no longer gives it a role, and yet it may be of use: it follows nobody, and keeps what it has.
  void set_aside(Effects& effects);
  bool is_idle() const noexcept {
    return turns_.is_idle() && pending_.empty() && followed_.is_idle() && storage_.is_idle();
  }
  /// Gives the storage of an idle replica away, which is not used any more.
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
  std::optional<WriteOutcome> await_write(WriteJob& job, const WriteOutcome& outcome, WriteHandler& handler);
  std::optional<WriteOutcome> answer_unchanged(std::string_view key, const WriteOutcome& outcome,
                                               WriteHandler& handler);
  void start_mark(MarkJob job, Effects& effects);
  void apply_mark(MarkJob job, StorageRead read, Effects& effects);

  // The whole partition (replica_operations.cc, replica_merge.cc, replica_copies.cc).
  std::optional<StorageScanned> start_scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler& handler);
  void start_merge(MergeJob job, Effects& effects);
  void decide_merge(MergeJob job, Effects& effects);
  void apply_merge(MergeJob job, Effects& effects);
  void note_merge(const wire::MergeMark& mark);
  void start_drop(DropJob job, Effects& effects);
  void erase_copies(DropJob job, const StorageScanned& scanned, Effects& effects);
  void go_on_dropping(DropJob job, Effects& effects);
  void answer_when_committed(DoneHandler handler, Effects& effects);

  // Changes and what is durable (replica_durability.cc).
  /// Makes the next change of the history: hands it to the storage, numbers it and sends it. An error: nothing was
  /// done. Nothing: it is done, but the caller is to await the storage, and to call `end_change` then.
  std::optional<StorageWritten> make_change(std::span<const StorageChange> changes, std::vector<wire::MergeMark> merges,
                                            Effects& effects);
  void end_change(const StoredChanges::Ticket& ticket, const StorageWritten& written, Effects& effects);
  void await_stored(const StoredChanges::Ticket& ticket);
  void on_stored(const StoredChanges::Ticket& ticket, const StorageWritten& synced, Effects& effects);
  /// Ends here as a crash would, without a word that may be wrong.
  void fail_storage(Effects& effects);
  ReplicaState state() const;
  /// The same encoded, after the next change; empty where nobody keeps it.
  std::string state_after(const std::vector<wire::MergeMark>& merges) const;
  std::string state_after(const wire::StreamPiece& piece) const;
  /// Has the present state durable before it goes on with `then`.
  void persist(SyncFor purpose, Function<void(Effects&)> then, Effects& effects);
  void sync_then(SyncFor purpose, Function<void(Effects&)> then, Effects& effects);
  void restore();

  // Numbering and the streams to learners (replica_streams.cc).
  /// Not deposed: what it has is what there is.
  bool may_answer() const noexcept { return role_ == Role::primary && !is_deposed_; }
  bool is_counting() const noexcept;
  /// Gives the changes their place in the history and sends them to every follower. `ticket` where the own storage has
  /// them not for good yet.
  StoredChanges::Ticket number(std::span<const StorageChange> changes, std::vector<wire::MergeMark> merges,
                               bool is_stored, Effects& effects);
  void commit_what_is_acknowledged(Effects& effects);
  void forget_history(Seq committed);
  void check_drained(Effects& effects);
  bool is_level(const FollowerStream& stream) const noexcept;
  FollowerStream* find_stream(NodeId follower, const wire::StreamId& id) noexcept;
  void begin_copy(const LearnerRecord& learner, Effects& effects);
  void send(FollowerStream& stream, wire::StreamPiece piece, Effects& effects);
  void lose(FollowerStream& stream, Effects& effects);
  void feed(FollowerStream& stream, Effects& effects);
  void read_chunk(NodeId learner, const wire::StreamId& id, Effects& effects);
  void place_chunk(FollowerStream& stream, const std::optional<wire::ScanRange>& difference,
                   const StorageScanned& scanned, Effects& effects);
  void end_copy(FollowerStream& stream, Effects& effects);

  // A learner's old copy (replica_comparing.cc).
  void bring_up_to_date(FollowerStream& stream, const wire::StreamAck& ack, Effects& effects);
  void send_copy(FollowerStream& stream, wire::StreamStart start, Effects& effects);
  void send_missing(FollowerStream& stream, Seq after, Effects& effects);
  void place_digests(FollowerStream& stream, const ScanChunk& chunk, Effects& effects);
  void place_difference(FollowerStream& stream, wire::ScanRange range, const ScanChunk& chunk, Effects& effects);
  /// At the learner: reads its own entries in the piece's ranges, and goes on when it has all of them.
  struct RangeJob;
  std::optional<StorageWritten> begin_ranges(const wire::StreamPiece& piece);
  std::optional<StorageWritten> read_ranges(RangeJob& job);
  std::optional<StorageWritten> finish_ranges(RangeJob& job);

  // Taking over (replica_activation.cc).
  void activate(Effects& effects);
  void take_up(FollowerStream& stream, Effects& effects);
  void bring_level(FollowerStream& stream, const ReplicaPosition& position, Effects& effects);
  void open_when_level(Effects& effects);

  // The stream from the primary (replica_following.cc).
  bool may_begin(const wire::StreamPiece& piece) const noexcept;
  void follow_copy(const wire::StreamId& stream);
  void resume_following(Effects& effects);
  void seal(Epoch primary_since, Effects& effects);
  bool fits(const wire::StreamPiece& piece) const noexcept;
  void on_followed_idle(Effects& effects);
  void apply_pieces(Effects& effects);
  std::optional<StorageWritten> forget_then_apply(const wire::StreamPiece& piece);
  std::optional<StorageWritten> apply_piece(const wire::StreamPiece& piece);
  std::optional<StorageWritten> await_piece(std::optional<StorageWritten> written);
  void end_piece(const StorageWritten& written, Effects& effects);
  void acknowledge_when_durable(std::uint64_t index, Effects& effects);
  void tell_position(Effects& effects);
  void note_applied(wire::StreamPiece piece);

  const PartitionId partition_;
  const ReplicaOptions options_;

  Role role_ = Role::learner;
  Epoch epoch_ = 0;
  wire::StreamId stream_;    ///< that this replica follows; as primary, of its own epoch
  bool is_begun_ = false;    ///< primary: that it has taken over is durable
  bool is_open_ = false;     ///< primary: every backup was level once
  bool is_deposed_ = false;  ///< another one may be primary already
  bool stopping_ = false;    ///< since `stop`, until `serve`
  bool drained_ = false;     ///< stopping, and nothing is pending

  // What travels with every copy.
  bool is_complete_ = false;
  History history_;
  base::HybridClock clock_;
  /// Per joiner, how far its merge has come here.
  struct MergeProgress {
    std::uint64_t number = 0;
    Revision by = 0;
  };
  std::map<NodeId, MergeProgress> merges_;

  // At the primary.
  Turns turns_;
  PendingWrites pending_;  ///< empty while no follower is counted and everything is stored
  StoredChanges stored_;
  std::vector<FollowerStream> streams_;  ///< at most one per node
  Seq committed_ = 0;
  std::optional<PartitionRecord> to_activate_;  ///< once what it followed has been applied

  // At the learner and the backup.
  FollowedStream followed_;
  std::vector<wire::ScanRange> differing_;  ///< found since the last acknowledgement
  std::optional<wire::StreamId> resuming_;  ///< once what came before has been applied
  Epoch sealed_until_ = 0;                  ///< streams of primaries since then or before are refused
  Epoch sealed_in_ = 0;                     ///< the configuration of which the primary was found down

  StorageCalls storage_;
  const bool is_durable_;
};

}  // namespace dht::replica
