#include "rocksdb_storage.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace dht::rocks {

class RocksdbStorage::Partition final : public PartitionStorage {
 public:
  Partition(RocksdbStorage& owner, StoredPartition name, PartitionRecord record)
      : owner_(owner), name_(name), core_(std::make_shared<PartitionCore>(owner.engine_, name, std::move(record))) {}
  ~Partition() override { owner_.close(name_, core_->close()); }

  std::optional<StorageRead> get(std::string_view key, StorageReadHandler later) override {
    return core_->read(key, true, std::move(later));
  }
  std::optional<StorageRead> get_version(std::string_view key, StorageReadHandler later) override {
    return core_->read(key, false, std::move(later));
  }
  std::optional<StorageWritten> apply(std::span<const StorageChange> changes, std::string_view state,
                                      StorageWriteHandler later) override {
    return core_->apply(changes, state, std::move(later));
  }
  std::optional<StorageWritten> sync(SyncFor purpose, StorageWriteHandler later) override {
    return core_->sync(purpose, std::move(later));
  }
  std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later) override {
    return core_->scan(from, max_bytes, std::move(later));
  }
  std::optional<StorageWritten> drop(StorageWriteHandler later) override { return core_->drop(std::move(later)); }
  StorageStatistics statistics() const override { return core_->statistics(); }

  bool is_durable() const noexcept override { return true; }
  std::string state() const override { return core_->state(); }
  /// By `hash_on_disk`, whose key is the cluster's id. A change of that would need another number.
  std::uint64_t scan_order() const noexcept override { return 0x726f'636b'7364'0001U; }

 private:
  RocksdbStorage& owner_;
  const StoredPartition name_;
  /// Shared with the calls that are under way on the storage's threads.
  const std::shared_ptr<PartitionCore> core_;
};

RocksdbStorage::RocksdbStorage(const RocksdbOptions& options, const Tuning& tuning)
    : database_(options, tuning),
      reclaimer_(database_, tuning),
      syncer_(database_),
      writer_(1),
      readers_(std::max(1U, options.read_threads)),
      engine_{database_, reclaimer_, syncer_, writer_, readers_} {
  Contents contents = database_.read_contents();
  records_ = std::move(contents.records);
  closed_ = std::move(contents.partitions);
  for (const auto& [name, record] : closed_)
    stored_.push_back(name);
}

RocksdbStorage::~RocksdbStorage() {
  DHT_ASSERT(open_.empty());
  on_failure(nullptr);
}

std::unique_ptr<PartitionStorage> RocksdbStorage::open(ClusterId cluster, PartitionId partition) {
  const StoredPartition name{cluster, partition};
  PartitionRecord record;
  {
    const std::lock_guard lock(mutex_);
    const bool is_new = open_.insert(name).second;
    DHT_ASSERT(is_new);
    if (auto known = closed_.extract(name)) record = std::move(known.mapped());
  }
  return std::make_unique<Partition>(*this, name, std::move(record));
}

void RocksdbStorage::close(StoredPartition name, PartitionRecord record) {
  const std::lock_guard lock(mutex_);
  open_.erase(name);
  if (!record.empty()) closed_.emplace(name, std::move(record));
}

std::optional<StorageWritten> RocksdbStorage::remember(std::string_view name, std::string_view record,
                                                       StorageWriteHandler later) {
  Failure& failure = database_.failure();
  if (failure.failed()) return StorageWritten{failure.code()};
  syncer_.remember(name, record, [later = std::move(later)](std::error_code error) mutable {
    if (later) later(StorageWritten{error});
  });
  return std::nullopt;
}

std::optional<std::string> RocksdbStorage::recall(std::string_view name) const {
  const auto found = records_.find(name);
  if (found == records_.end()) return std::nullopt;
  return found->second;
}

void RocksdbStorage::on_failure(Function<void(std::string)> handler) {
  database_.failure().set_handler(std::move(handler));
}

}  // namespace dht::rocks

namespace dht {

std::unique_ptr<Storage> make_rocksdb_storage(RocksdbOptions options) {
  return std::make_unique<rocks::RocksdbStorage>(options, rocks::Tuning{});
}

}  // namespace dht
