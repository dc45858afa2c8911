// BatchMaker: turns the changes of one `apply` into one write of RocksDB, with what they make of the statistics.
//
// For exact statistics it must know of each key whether it is there, and how large its value is: from an earlier change
// of the same batch, from what was looked up last, or else from the database.
//
// Thread rule: none of its own; guarded by the partition's order of writes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include <rocksdb/write_batch.h>

#include "database.h"

namespace dht::rocks {

/// The size of an entry's value; nothing where there is no entry.
using ValueSize = std::optional<std::uint64_t>;

/// A key that was looked up, and what there was.
struct KnownKey {
  std::string key{};
  ValueSize value_bytes{};
};

class BatchMaker {
 public:
  BatchMaker(Database& database, StoredPartition partition, const StorageStatistics& statistics,
             std::optional<KnownKey> known)
      : database_(database), partition_(partition), statistics_(statistics), known_(std::move(known)) {}

  /// Incomplete where sizes have to be looked up beyond that reach; an error has been told to the failure. Called once.
  rocksdb::Status make(std::span<const StorageChange> changes, std::string_view state, Reach reach);

  rocksdb::WriteBatch& batch() noexcept { return batch_; }
  /// As they are when the batch has been written.
  const StorageStatistics& statistics() const noexcept { return statistics_; }
  /// What is known then of the last key that was changed.
  std::optional<KnownKey> known_after(std::span<const StorageChange> changes) const;

 private:
  rocksdb::Status add(const StorageChange& change, Reach reach);
  /// What there is before the change.
  rocksdb::Status find(std::string_view key, std::string_view key_on_disk, Reach reach, ValueSize& found);

  Database& database_;
  const StoredPartition partition_;
  StorageStatistics statistics_;
  std::optional<KnownKey> known_;
  /// Sizes that earlier changes of the batch have made; kept only where there are several. The keys are the caller's.
  std::unordered_map<std::string_view, ValueSize> made_;
  bool several_ = false;
  rocksdb::WriteBatch batch_;
};

}  // namespace dht::rocks
