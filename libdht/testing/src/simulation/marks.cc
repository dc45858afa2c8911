#include "marks.h"

#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace dht::testing::simulation {

class Marks::WatchedPartition final : public PartitionStorage {
 public:
  WatchedPartition(std::unique_ptr<PartitionStorage> inner, Marked& marked)
      : inner_(std::move(inner)), marked_(marked) {}

  std::optional<StorageRead> get(std::string_view key, StorageReadHandler later) override {
    return inner_->get(key, std::move(later));
  }
  std::optional<StorageWritten> apply(std::span<const StorageChange> changes, StorageWriteHandler later) override {
    for (const StorageChange& change : changes)
      note(change);
    return inner_->apply(changes, std::move(later));
  }
  std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later) override {
    return inner_->scan(from, max_bytes, std::move(later));
  }
  std::optional<StorageWritten> drop(StorageWriteHandler later) override { return inner_->drop(std::move(later)); }
  StorageStatistics statistics() const override { return inner_->statistics(); }

 private:
  void note(const StorageChange& change) {
    if (change.kind == StorageChange::Kind::put && change.copy_of) {
      marked_[std::string(change.key)] = {change.version, change.copy_of};
    } else if (const auto found = marked_.find(change.key); found != marked_.end()) {
      marked_.erase(found);
    }
  }

  std::unique_ptr<PartitionStorage> inner_;
  Marked& marked_;
};

class Marks::WatchedStorage final : public Storage {
 public:
  WatchedStorage(Storage& inner, Marked& marked) : inner_(inner), marked_(marked) {}
  std::unique_ptr<PartitionStorage> open(ClusterId cluster, PartitionId partition) override {
    return std::make_unique<WatchedPartition>(inner_.open(cluster, partition), marked_);
  }

 private:
  Storage& inner_;
  Marked& marked_;
};

std::shared_ptr<void> Marks::watch(const NewProcess& process) {
  Marked& marked = marked_[process.node];
  marked.clear();
  auto watched = std::make_shared<WatchedStorage>(*process.parts.storage, marked);
  process.parts.storage = watched.get();
  return watched;
}

bool Marks::is_marked(std::size_t place, const std::string& key, Version version, ClusterId copy_of) const {
  const auto marked = marked_.find(place);
  if (marked == marked_.end()) return false;
  const auto found = marked->second.find(key);
  return found != marked->second.end() && found->second.version == version && found->second.copy_of == copy_of;
}

}  // namespace dht::testing::simulation
