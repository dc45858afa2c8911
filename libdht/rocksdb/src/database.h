// Database: one open RocksDB, what it holds at the start, and how much of what was written is synced.
//
// Implementations: this one.
//
// Thread rule: may be used from any thread; `sync` by one at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <dht/rocksdb.h>

#include "failure.h"
#include "layout.h"
#include "sync_file.h"
#include "tuning.h"

namespace dht::rocks {

/// Where a read may look.
enum class Reach : unsigned char {
  memory,  ///< what was written last, and the cache: never waits for the disk
  disk,
};

/// All that is read at the start.
struct Contents {
  std::map<StoredPartition, PartitionRecord> partitions{};
  std::map<std::string, std::string, std::less<>> records{};
};

class Database {
 public:
  /// Throws OpenError.
  Database(const RocksdbOptions& options, const Tuning& tuning);
  /// Syncs what was written, unless it has failed.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Failure& failure() noexcept { return failure_; }
  rocksdb::DB& rocks() noexcept { return *rocks_; }
  bool syncs_answers() const noexcept { return sync_answers_; }
  /// Throws OpenError where it is damaged.
  Contents read_contents();

  /// Incomplete where it reaches memory only and that did not suffice; any other error has been told to the failure.
  rocksdb::Status read(std::string_view key, Reach reach, rocksdb::PinnableSlice& value);
  /// An entry that was read is not of the form that it must have: tells the failure.
  void malformed_entry();
  /// Never waits: Incomplete where writes have to wait for compaction. An error has been told to the failure.
  rocksdb::Status write(rocksdb::WriteBatch& batch);

  /// Makes durable all whose `write` has returned. Gives whether it did; otherwise the storage has failed.
  bool sync();
  /// The number of the last write that has returned; they count from one.
  std::uint64_t written() const noexcept { return written_.load(std::memory_order_acquire); }
  /// All up to that number are durable.
  std::uint64_t synced() const noexcept { return synced_.load(std::memory_order_acquire); }

 private:
  void open(const RocksdbOptions& options, const Tuning& tuning);

  const std::string directory_;
  const bool sync_answers_;
  Failure failure_;
  std::unique_ptr<rocksdb::DB> rocks_;
  std::optional<SyncFile> sync_file_;
  std::uint64_t mark_ = 0;
  std::atomic<std::uint64_t> written_ = 0;
  std::atomic<std::uint64_t> synced_ = 0;
};

}  // namespace dht::rocks
