// PartitionCore: one open partition, as the calls on it and the storage's threads share it. It lives on for as long as
// a thread is at work on a call of a partition that has been closed.
//
// Writes complete inline, unless one has to wait (for the disk, where the size of what it replaces is not in memory, or
// for compaction): then it and all that come after it, syncs as well, queue for the writer's thread, so that their
// order holds.
//
// Thread rule: calls are made by the owner, one at a time; the storage's threads call `work` and complete calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <dht/storage.h>

#include "batch_maker.h"
#include "calls.h"
#include "database.h"
#include "reclaimer.h"
#include "syncer.h"
#include "task_threads.h"

namespace dht::rocks {

/// What the partitions of one storage share. Outlives them.
struct Engine {
  Database& database;
  Reclaimer& reclaimer;
  Syncer& syncer;
  TaskThreads& writer;
  TaskThreads& readers;
};

class PartitionCore : public std::enable_shared_from_this<PartitionCore> {
 public:
  PartitionCore(const Engine& engine, StoredPartition name, PartitionRecord record)
      : engine_(engine), name_(name), record_(std::move(record)), last_write_(engine.database.written()) {}

  std::optional<StorageRead> read(std::string_view key, bool with_value, StorageReadHandler later);
  std::optional<StorageWritten> apply(std::span<const StorageChange> changes, std::string_view state,
                                      StorageWriteHandler later);
  std::optional<StorageWritten> drop(StorageWriteHandler later);
  std::optional<StorageWritten> sync(SyncFor purpose, StorageWriteHandler later);
  std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later);
  StorageStatistics statistics() const;
  std::string state() const;

  /// No handler is called any more, and nothing more is written. Gives what the partition is then.
  PartitionRecord close();

 private:
  struct OwnedChange {
    StorageChange::Kind kind{};
    std::string key{};
    std::string value{};
    Version version = 0;
    ClusterId copy_of{};
  };
  struct Queued {
    enum class Kind : unsigned char { apply, drop, sync };
    Kind kind{};
    std::vector<OwnedChange> changes{};
    std::string state{};
    SyncFor purpose{};
    Calls::Number call = 0;
  };
  enum class Outcome : unsigned char { done, must_wait, failed };

  bool failed() const noexcept { return engine_.database.failure().failed(); }
  std::error_code failure() const noexcept { return engine_.database.failure().code(); }

  std::optional<StorageRead> read_from(std::string_view key, bool with_value, Reach reach);
  StorageScanned scan_now(ScanCursor from, std::size_t max_bytes);
  bool is_synced(SyncFor purpose) const noexcept;
  void submit_sync(Calls::Number call);

  // These are called with `mutex_` held.
  Outcome write(BatchMaker& maker, std::span<const StorageChange> changes, std::string_view state);
  Outcome write_drop();
  void enqueue(Queued queued);

  // The writer's thread.
  void work();
  Outcome run(const Queued& queued);
  Outcome run_apply(const Queued& queued);

  const Engine engine_;
  const StoredPartition name_;
  Calls calls_;
  mutable std::mutex mutex_;
  PartitionRecord record_;         ///< changed by the owner where nothing is queued, else by the writer's thread
  std::optional<KnownKey> known_;  ///< the key that was looked up or changed last
  std::atomic<std::uint64_t> changes_ = 0;  ///< how often the entries were changed
  std::uint64_t last_write_;                ///< as `Database::written` counts them
  std::deque<Queued> queue_;
  bool closed_ = false;
};

}  // namespace dht::rocks
