// MemoryPartition: the entries of one partition, in memory. Every call completes inline.
//
// An empty one is 56 bytes and holds no other memory. Where memory runs out, a call returns
// `std::errc::not_enough_memory` and nothing has changed.
//
// Thread rule: as for every PartitionStorage, one call at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include <dht/storage.h>

#include "storage/index.h"
#include "storage/key_hash.h"
#include "storage/memory_total.h"

namespace dht::storage {

class MemoryPartition final : public PartitionStorage {
 public:
  /// The hash outlives the partition, and so does `total`, where the partition's memory is added, if there is one.
  explicit MemoryPartition(const KeyHash& hash, MemoryTotal* total = nullptr) noexcept : index_(hash), total_(total) {}
  ~MemoryPartition() override { clear(); }

  std::optional<StorageRead> get(std::string_view key, StorageReadHandler later) override;
  std::optional<StorageRead> get_version(std::string_view key, StorageReadHandler later) override;
  /// Errc::too_large where a key or value is longer than a record can hold, Errc::invalid_argument for a put of version
  /// zero. A single put of a value that fits where the old one lies takes no memory and moves nothing.
  std::optional<StorageWritten> apply(std::span<const StorageChange> changes, std::string_view,
                                      StorageWriteHandler) override;
  std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later) override;
  std::optional<StorageWritten> drop(StorageWriteHandler later) override;
  StorageStatistics statistics() const override { return statistics_; }
  void expect(ExpectedKey& expected, unsigned step) const noexcept override { index_.expect(expected, step); }

 private:
  class Counted;

  void clear() noexcept;
  void put(const StorageChange& change);
  void erase(const StorageChange& change) noexcept;

  Index index_;
  MemoryTotal* total_;
  StorageStatistics statistics_;
};

}  // namespace dht::storage
