// What the replica's tests share: a storage that completes when the test says so, and a host that carries effects out
// by keeping them.
//
// Thread rule: one thread; nothing here waits.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/storage.h>

#include "replica/changes.h"
#include "replica/replica.h"

namespace dht::replica::testing {

/// Decides how the calls of a SlowStorage complete, and holds those that have not.
class Disk {
 public:
  bool slow = false;          ///< whether further calls complete later
  bool early_effect = false;  ///< whether a slow call takes effect when it is made, or when it completes
  std::error_code error;      ///< what further calls fail with; they then change nothing
  bool durable = false;       ///< whether it keeps the state, and has syncs to wait for: all of them, until completed
  bool sync_fails = false;
  std::string state;  ///< as given last, or as a former run has left it

  std::size_t waiting() const { return waiting_.size(); }
  void hold(Function<void()> completion) { waiting_.push_back(std::move(completion)); }
  /// Completes the waiting call of that place, counted from the one made first.
  void complete(std::size_t place = 0) {
    REQUIRE(place < waiting_.size());
    auto completion = std::move(waiting_[place]);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(place));
    completion();
  }
  /// Until nothing waits, what comes meanwhile included.
  void complete_all() {
    while (!waiting_.empty())
      complete();
  }
  /// Forgets the waiting calls: their storage is gone.
  void forget() { waiting_.clear(); }

  static Disk durable_with(std::string_view state) {
    Disk disk;
    disk.durable = true;
    disk.state = state;
    return disk;
  }
  std::size_t waiting_syncs() const { return syncs_.size(); }
  void hold_sync(Function<void()> completion) { syncs_.push_back(std::move(completion)); }
  /// Completes the syncs that wait, and not those that come meanwhile.
  void sync() {
    for (auto& completion : std::exchange(syncs_, {}))
      completion();
  }

 private:
  std::deque<Function<void()>> waiting_;
  std::deque<Function<void()>> syncs_;
};

/// A decorator around a memory storage, which completes inline. The disk outlives it.
class SlowStorage final : public PartitionStorage {
 public:
  explicit SlowStorage(Disk& disk)
      : memory_(make_memory_storage(/*seed=*/1)), inner_(memory_->open(ClusterId{1}, 0)), disk_(disk) {}

  std::optional<StorageRead> get(std::string_view key, StorageReadHandler later) override {
    return complete<StorageRead>([this, key = std::string(key)] { return *inner_->get(key, nullptr); },
                                 std::move(later));
  }
  std::optional<StorageWritten> apply(std::span<const StorageChange> changes, std::string_view state,
                                      StorageWriteHandler later) override {
    if (disk_.error) return failure<StorageWritten>(disk_.error);
    if (disk_.durable) disk_.state = state;
    return complete<StorageWritten>(
        [this, copies = wire::Changes(changes)] { return *inner_->apply(ChangeViews(copies), {}, nullptr); },
        std::move(later));
  }
  std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later) override {
    return complete<StorageScanned>([this, from, max_bytes] { return *inner_->scan(from, max_bytes, nullptr); },
                                    std::move(later));
  }
  std::optional<StorageWritten> drop(StorageWriteHandler later) override {
    return complete<StorageWritten>([this] { return *inner_->drop(nullptr); }, std::move(later));
  }
  std::optional<StorageWritten> sync(SyncFor, StorageWriteHandler later) override {
    if (!disk_.durable) return StorageWritten{};
    disk_.hold_sync([this, later = std::move(later)]() mutable {
      later(disk_.sync_fails ? StorageWritten{Errc::corrupt} : StorageWritten{});
    });
    return std::nullopt;
  }
  StorageStatistics statistics() const override { return inner_->statistics(); }
  bool is_durable() const noexcept override { return disk_.durable; }
  std::string state() const override { return disk_.state; }

 private:
  template <typename Result>
  std::optional<Result> complete(Function<Result()> call, Function<void(Result)> later) {
    if (disk_.error) call = [error = disk_.error] { return failure<Result>(error); };
    if (!disk_.slow) return call();
    std::optional<Result> early;
    if (disk_.early_effect) early = call();
    disk_.hold([call = std::move(call), early = std::move(early), later = std::move(later)]() mutable {
      later(early ? std::move(*early) : call());
    });
    return std::nullopt;
  }
  template <typename Result>
  static Result failure(std::error_code error) {
    Result failed{};
    failed.error = error;
    return failed;
  }

  std::unique_ptr<Storage> memory_;  // outlives what it opened
  std::unique_ptr<PartitionStorage> inner_;
  Disk& disk_;
};

/// Everything in a storage that completes inline.
inline std::map<std::string, StoredEntry> contents(PartitionStorage& storage) {
  std::map<std::string, StoredEntry> entries;
  for (ScanCursor cursor = 0; cursor != kScanEnd;) {
    auto chunk = storage.scan(cursor, 1024, nullptr)->chunk;
    for (ScannedEntry& entry : chunk.entries)
      entries.insert_or_assign(std::move(entry.key), std::move(entry.entry));
    cursor = chunk.next;
  }
  return entries;
}

/// Where an answer arrives: `calls` must end up as one.
template <typename Outcome>
struct Answer {
  int calls = 0;
  Outcome outcome;

  bool is_there() const { return calls > 0; }
  std::error_code error() const {
    REQUIRE(calls == 1);
    return outcome.error;
  }
};
using ReadAnswer = std::shared_ptr<Answer<ReadOutcome>>;  // shared by the test and the handler
using WriteAnswer = std::shared_ptr<Answer<WriteOutcome>>;
struct Done {
  std::error_code error;
};
using DoneAnswer = std::shared_ptr<Answer<Done>>;
using ScanAnswer = std::shared_ptr<Answer<StorageScanned>>;

/// Owns a replica as a node would: carries answers out, and keeps pieces, acknowledgements and news for the test.
class Host final : public Reentry {
 public:
  explicit Host(ReplicaOptions options = {}) : Host(std::make_unique<SlowStorage>(disk), options) {}
  /// With a durable storage, on which a former run has left `state`.
  explicit Host(std::string_view state) : Host(std::make_unique<SlowStorage>(disk), {}, Disk::durable_with(state)) {}

  static constexpr PartitionId kPartition = 0;
  Disk disk;  // before the replica, whose storage uses it
  std::deque<Effects::Piece> pieces;
  std::deque<wire::StreamAck> acks;
  bool gives_chunks = true;  ///< at once; else when the test says so
  std::deque<Effects::ChunkAsk> chunk_asks;
  int reports = 0;   ///< how often there was news for the leader
  int openings = 0;  ///< how often it began to serve
  std::uint64_t wall_ms = 1000;

  Replica& replica() { return replica_; }

  void reenter(PartitionId partition, Step step) override {
    REQUIRE(partition == kPartition);
    in_step([&](Effects& effects) { step(replica_, effects); });
  }

  void serve(Epoch epoch, const std::vector<LearnerRecord>& learners = {}) {
    in_step([&](Effects& effects) {
      replica_.serve({.epoch = epoch, .primary_since = epoch, .learners = learners}, effects);
    });
  }
  void configure(const std::vector<LearnerRecord>& learners) {
    configure_as({.epoch = replica_.epoch(), .primary_since = replica_.primary_since(), .learners = learners});
  }
  void serve_as(const PartitionRecord& record) {
    in_step([&](Effects& effects) { replica_.serve(record, effects); });
  }
  void configure_as(const PartitionRecord& record) {
    in_step([&](Effects& effects) { replica_.configure(record, effects); });
  }
  void back_up(const PartitionRecord& record, bool is_primary_down = false) {
    in_step([&](Effects& effects) { replica_.back_up(record, is_primary_down, effects); });
  }
  void come_back(const PartitionRecord& record) {
    in_step([&](Effects& effects) { replica_.come_back(record, effects); });
  }
  void depose() {
    in_step([&](Effects& effects) { replica_.depose(effects); });
  }
  void tend(Instant now, Duration patience) {
    in_step([&](Effects& effects) { static_cast<void>(replica_.tend(now, patience, effects)); });
  }
  void stop(Epoch epoch) {
    in_step([&](Effects& effects) { replica_.stop(epoch, effects); });
  }

  ReadAnswer get(std::string_view key) {
    auto answer = std::make_shared<Answer<ReadOutcome>>();
    in_step([&](Effects& effects) {
      GetHandler handler = [answer](std::error_code error, std::optional<Entry> entry) {
        ++answer->calls;
        answer->outcome = {error, std::move(entry)};
      };
      auto outcome = replica_.get(key, handler, effects);
      REQUIRE(static_cast<bool>(handler) == outcome.has_value());  // untouched, or taken
      if (outcome) handler(outcome->error, std::move(outcome->entry));
    });
    return answer;
  }
  WriteAnswer write(const WriteRequest& request, const Precondition& precondition = {}) {
    auto answer = std::make_shared<Answer<WriteOutcome>>();
    in_step([&](Effects& effects) {
      WriteHandler handler = [answer](std::error_code error, WriteResult result) {
        ++answer->calls;
        answer->outcome = {error, result};
      };
      const auto outcome = replica_.write(request, precondition, wall_ms, handler, effects);
      REQUIRE(static_cast<bool>(handler) == outcome.has_value());
      if (outcome) handler(outcome->error, outcome->result);
    });
    return answer;
  }
  WriteAnswer put(std::string_view key, std::string_view value, const Precondition& precondition = {}) {
    return write({WriteRequest::Kind::put, key, value}, precondition);
  }
  WriteAnswer erase(std::string_view key, const Precondition& precondition = {}) {
    return write({WriteRequest::Kind::erase, key, {}}, precondition);
  }
  DoneAnswer merge(wire::MergeBatch batch) {
    return done(
        [&](DoneHandler handler, Effects& effects) { replica_.merge(std::move(batch), std::move(handler), effects); });
  }
  DoneAnswer drop_copies(ClusterId cluster) {
    return done(
        [&](DoneHandler handler, Effects& effects) { replica_.drop_copies(cluster, std::move(handler), effects); });
  }
  ScanAnswer scan(ScanCursor from = 0, std::size_t max_bytes = 1024) {
    auto answer = std::make_shared<Answer<StorageScanned>>();
    in_step([&](Effects& effects) {
      StorageScanHandler handler = [answer](StorageScanned scanned) {
        ++answer->calls;
        answer->outcome = std::move(scanned);
      };
      auto scanned = replica_.scan(from, max_bytes, handler, effects);
      REQUIRE(static_cast<bool>(handler) == scanned.has_value());
      if (scanned) handler(std::move(*scanned));
    });
    return answer;
  }
  void mark_copy(std::string_view key, Version version, ClusterId cluster) {
    in_step([&](Effects& effects) { replica_.mark_copy(key, version, cluster, effects); });
  }

  void on_ack(NodeId learner, const wire::StreamAck& ack) {
    in_step([&](Effects& effects) { replica_.on_ack(learner, ack, effects); });
  }
  void on_follower_unreachable(NodeId follower) {
    in_step([&](Effects& effects) { replica_.on_follower_unreachable(follower, effects); });
  }
  void on_piece(wire::StreamPiece piece) {
    in_step([&](Effects& effects) { replica_.on_piece(std::move(piece), effects); });
  }

  /// Until no copy asks any more.
  void give_chunks() {
    while (!chunk_asks.empty()) {
      const auto ask = chunk_asks.front();
      chunk_asks.pop_front();
      give_chunk(ask);
    }
  }
  void give_chunk(const Effects::ChunkAsk& ask) {
    in_step([&](Effects& effects) { replica_.give_chunk(ask, effects); });
  }

  /// All entries, whatever the disk does just now with other calls.
  std::map<std::string, StoredEntry> entries() {
    const bool was_slow = std::exchange(disk.slow, false);
    const auto was_failing = std::exchange(disk.error, {});
    auto found = contents(storage_);
    disk.slow = was_slow;
    disk.error = was_failing;
    return found;
  }
  std::string value(const std::string& key) {
    const auto all = entries();
    const auto found = all.find(key);
    return found == all.end() ? "(none)" : std::string(found->second.value.view());
  }

 private:
  Host(std::unique_ptr<SlowStorage> storage, ReplicaOptions options, Disk first = {})
      : disk(std::move(first)), storage_(*storage), replica_(kPartition, std::move(storage), *this, options) {}

  template <typename Body>
  void in_step(Body body) {
    REQUIRE(!in_step_);  // the owner's lock is not recursive
    in_step_ = true;
    Effects effects;
    body(effects);
    in_step_ = false;
    carry_out(effects);
  }
  template <typename Body>
  DoneAnswer done(Body body) {
    auto answer = std::make_shared<Answer<Done>>();
    in_step([&](Effects& effects) {
      body(
          [answer](std::error_code error) {
            ++answer->calls;
            answer->outcome.error = error;
          },
          effects);
    });
    return answer;
  }
  void carry_out(Effects& effects) {
    for (auto& read : effects.reads)
      read.handler(read.outcome.error, std::move(read.outcome.entry));
    for (auto& write : effects.writes)
      write.handler(write.outcome.error, write.outcome.result);
    for (auto& finished : effects.done)
      finished.handler(finished.error);
    for (auto& scan : effects.scans)
      scan.handler(std::move(scan.scanned));
    for (auto& piece : effects.pieces)
      pieces.push_back(std::move(piece));
    chunk_asks.insert(chunk_asks.end(), effects.chunk_asks.begin(), effects.chunk_asks.end());
    if (effects.ack) acks.push_back(*effects.ack);
    if (effects.report_changed || effects.learner_is_level) ++reports;
    if (effects.opened) ++openings;
    if (gives_chunks) give_chunks();
  }

  bool in_step_ = false;
  SlowStorage& storage_;  ///< the replica's
  Replica replica_;
};

inline constexpr NodeId kLearner{7};

/// Delivers the pieces and acknowledgements between a primary and its one learner, until neither has any.
inline void deliver(Host& primary, Host& learner, NodeId learner_id = kLearner) {
  while (!primary.pieces.empty() || !learner.acks.empty()) {
    if (!primary.pieces.empty()) {
      auto piece = std::move(primary.pieces.front());
      primary.pieces.pop_front();
      if (piece.follower == learner_id) learner.on_piece(std::move(piece.piece));
    }
    if (!learner.acks.empty()) {
      const auto ack = learner.acks.front();
      learner.acks.pop_front();
      primary.on_ack(learner_id, ack);
    }
  }
}

}  // namespace dht::replica::testing
