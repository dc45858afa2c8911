// PartitionCore: writes, syncs, and what waits in the queue.
#include <chrono>
#include <limits>
#include <new>
#include <utility>

#include <dht/entry.h>
#include <dht/error.h>

#include "partition_core.h"

namespace dht::rocks {
namespace {

constexpr std::chrono::milliseconds kTryAgainAfter{2};
/// RocksDB's limit is 4 GiB for what it stores, header included.
constexpr std::size_t kMaxValueBytes = std::numeric_limits<std::uint32_t>::max() - std::size_t{64};

std::error_code check(const StorageChange& change) noexcept {
  if (change.key.size() > kMaxKeyBytes) return Errc::too_large;
  if (change.kind == StorageChange::Kind::erase) return {};
  if (change.value.size() > kMaxValueBytes) return Errc::too_large;
  if (change.version == 0) return Errc::invalid_argument;
  return {};
}

}  // namespace

std::optional<StorageWritten> PartitionCore::apply(std::span<const StorageChange> changes, std::string_view state,
                                                   StorageWriteHandler later) try {
  for (const StorageChange& change : changes) {
    if (const std::error_code error = check(change)) return StorageWritten{error};
  }
  if (failed()) return StorageWritten{failure()};
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) {
    BatchMaker maker(engine_.database, name_, record_.statistics, known_);
    const rocksdb::Status made = maker.make(changes, state, Reach::memory);
    if (made.ok() && write(maker, changes, state) == Outcome::done) return StorageWritten{};
  }
  // One that failed goes the same way: it may be on the disk, so it does not fail inline.
  Queued queued{.kind = Queued::Kind::apply, .state = std::string(state)};
  queued.changes.reserve(changes.size());
  for (const StorageChange& change : changes) {
    queued.changes.push_back(
        {change.kind, std::string(change.key), std::string(change.value), change.version, change.copy_of});
  }
  queued.call = calls_.add(std::move(later));
  enqueue(std::move(queued));
  return std::nullopt;
} catch (const std::bad_alloc&) {
  return StorageWritten{std::make_error_code(std::errc::not_enough_memory)};
}

std::optional<StorageWritten> PartitionCore::drop(StorageWriteHandler later) {
  if (failed()) return StorageWritten{failure()};
  const std::lock_guard lock(mutex_);
  if (queue_.empty() && write_drop() == Outcome::done) return StorageWritten{};
  enqueue({.kind = Queued::Kind::drop, .call = calls_.add(std::move(later))});
  return std::nullopt;
}

std::optional<StorageWritten> PartitionCore::sync(SyncFor purpose, StorageWriteHandler later) {
  if (failed()) return StorageWritten{failure()};
  const std::lock_guard lock(mutex_);
  if (queue_.empty() && is_synced(purpose)) return StorageWritten{};
  const Calls::Number call = calls_.add(std::move(later));
  if (queue_.empty()) {
    submit_sync(call);
  } else {
    enqueue({.kind = Queued::Kind::sync, .purpose = purpose, .call = call});
  }
  return std::nullopt;
}

/// Whether nothing has to be done for all that was written so far.
bool PartitionCore::is_synced(SyncFor purpose) const noexcept {
  // Without syncs for answers each write has gone to the system, which keeps it when the process ends.
  if (purpose == SyncFor::answer && !engine_.database.syncs_answers()) return true;
  return last_write_ <= engine_.database.synced();
}

void PartitionCore::submit_sync(Calls::Number call) {
  engine_.syncer.submit(
      [core = shared_from_this(), call](std::error_code error) { core->calls_.complete(call, StorageWritten{error}); });
}

PartitionCore::Outcome PartitionCore::write(BatchMaker& maker, std::span<const StorageChange> changes,
                                            std::string_view state) {
  // All that can run out of memory comes before the write.
  std::optional<KnownKey> known = maker.known_after(changes);
  std::string new_state(state);
  const rocksdb::Status status = engine_.database.write(maker.batch());
  if (!status.ok()) return status.IsIncomplete() ? Outcome::must_wait : Outcome::failed;
  record_.statistics = maker.statistics();
  record_.state = std::move(new_state);
  known_ = std::move(known);
  changes_.fetch_add(1, std::memory_order_release);
  last_write_ = engine_.database.written();
  return Outcome::done;
}

PartitionCore::Outcome PartitionCore::write_drop() {
  const std::uint64_t bytes = record_.statistics.bytes;
  rocksdb::WriteBatch batch;
  // A range that is void costs every later read of it a little, so there is none without need.
  if (record_.statistics.entries > 0) batch.DeleteRange(entries_from(name_, 0), entries_end(name_));
  batch.Delete(partition_key(name_));
  const rocksdb::Status status = engine_.database.write(batch);
  if (!status.ok()) return status.IsIncomplete() ? Outcome::must_wait : Outcome::failed;
  record_ = {};
  known_.reset();
  changes_.fetch_add(1, std::memory_order_release);
  last_write_ = engine_.database.written();
  engine_.reclaimer.dropped(name_, bytes);
  return Outcome::done;
}

void PartitionCore::enqueue(Queued queued) {
  queue_.push_back(std::move(queued));
  // Where there were others before, the writer's thread is at work on them.
  if (queue_.size() == 1) engine_.writer.submit([core = shared_from_this()] { core->work(); });
}

void PartitionCore::work() {
  for (;;) {
    const Queued* next = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || queue_.empty()) return queue_.clear();
      next = &queue_.front();  // stays where it is while others come behind it
    }
    const Outcome outcome = run(*next);
    if (outcome == Outcome::must_wait && engine_.writer.pause(kTryAgainAfter)) continue;
    if (outcome == Outcome::must_wait) return;
    std::unique_lock lock(mutex_);
    const Queued done = std::move(queue_.front());
    queue_.pop_front();
    const bool is_last = queue_.empty();
    const bool needs_sync = done.kind == Queued::Kind::sync && outcome == Outcome::done && !is_synced(done.purpose);
    lock.unlock();
    if (needs_sync) {
      submit_sync(done.call);
    } else {
      calls_.complete(done.call, StorageWritten{outcome == Outcome::failed ? failure() : std::error_code()});
    }
    // From then on the owner may have queued the next, which has a task of its own.
    if (is_last) return;
  }
}

PartitionCore::Outcome PartitionCore::run(const Queued& queued) {
  if (failed()) return Outcome::failed;
  switch (queued.kind) {
    case Queued::Kind::apply:
      return run_apply(queued);
    case Queued::Kind::drop: {
      const std::lock_guard lock(mutex_);
      return closed_ ? Outcome::must_wait : write_drop();
    }
    case Queued::Kind::sync:
      break;
  }
  return Outcome::done;
}

PartitionCore::Outcome PartitionCore::run_apply(const Queued& queued) {
  std::vector<StorageChange> changes;
  changes.reserve(queued.changes.size());
  for (const OwnedChange& change : queued.changes)
    changes.push_back({change.kind, change.key, change.value, change.version, change.copy_of});
  // Nobody else writes while something is queued, so the owner need not be kept waiting for the disk.
  BatchMaker maker(engine_.database, name_, record_.statistics, std::nullopt);
  if (!maker.make(changes, queued.state, Reach::disk).ok()) return Outcome::failed;
  const std::lock_guard lock(mutex_);
  return closed_ ? Outcome::must_wait : write(maker, changes, queued.state);
}

StorageStatistics PartitionCore::statistics() const {
  const std::lock_guard lock(mutex_);
  return record_.statistics;
}

std::string PartitionCore::state() const {
  const std::lock_guard lock(mutex_);
  return record_.state;
}

PartitionRecord PartitionCore::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  calls_.close();
  const std::lock_guard lock(mutex_);
  return record_;
}

}  // namespace dht::rocks
