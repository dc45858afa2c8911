// RocksdbStorage: the storage that `make_rocksdb_storage` returns, for tests with another tuning.
//
// Thread rule: that of dht/storage.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <dht/storage.h>

#include "database.h"
#include "partition_core.h"
#include "reclaimer.h"
#include "syncer.h"
#include "task_threads.h"

namespace dht::rocks {

class RocksdbStorage final : public Storage {
 public:
  /// Throws OpenError.
  RocksdbStorage(const RocksdbOptions& options, const Tuning& tuning);
  ~RocksdbStorage() override;

  std::unique_ptr<PartitionStorage> open(ClusterId cluster, PartitionId partition) override;
  bool is_durable() const noexcept override { return true; }
  std::vector<StoredPartition> stored() const override { return stored_; }
  std::optional<StorageWritten> remember(std::string_view name, std::string_view record,
                                         StorageWriteHandler later) override;
  std::optional<std::string> recall(std::string_view name) const override;
  void on_failure(Function<void(std::string)> handler) override;

  rocksdb::DB& rocks() noexcept { return database_.rocks(); }

 private:
  class Partition;

  /// The partition is not open any more.
  void close(StoredPartition name, PartitionRecord record);

  // In this order, since each uses those before it.
  Database database_;
  Reclaimer reclaimer_;
  Syncer syncer_;
  TaskThreads writer_;
  TaskThreads readers_;
  const Engine engine_;

  std::map<std::string, std::string, std::less<>> records_;
  std::vector<StoredPartition> stored_;
  std::mutex mutex_;
  std::map<StoredPartition, PartitionRecord> closed_;  ///< what is known of partitions that are not open
  std::set<StoredPartition> open_;
};

}  // namespace dht::rocks
