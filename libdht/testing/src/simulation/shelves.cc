#include "shelves.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

namespace dht::testing::simulation {

class Shelves::WatchedPartition final : public PartitionStorage {
 public:
  WatchedPartition(std::unique_ptr<PartitionStorage> inner, Shelf& shelf) : inner_(std::move(inner)), shelf_(shelf) {}

  std::optional<StorageRead> get(std::string_view key, StorageReadHandler later) override {
    return inner_->get(key, std::move(later));
  }
  std::optional<StorageWritten> apply(std::span<const StorageChange> changes, std::string_view state,
                                      StorageWriteHandler later) override {
    for (const StorageChange& change : changes)
      note(change);
    return inner_->apply(changes, state, std::move(later));
  }
  std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later) override {
    return inner_->scan(from, max_bytes, std::move(later));
  }
  std::optional<StorageWritten> drop(StorageWriteHandler later) override {
    shelf_.clear();
    return inner_->drop(std::move(later));
  }
  std::optional<StorageWritten> sync(SyncFor purpose, StorageWriteHandler later) override {
    return inner_->sync(purpose, std::move(later));
  }
  StorageStatistics statistics() const override { return inner_->statistics(); }
  bool is_durable() const noexcept override { return inner_->is_durable(); }
  std::string state() const override { return inner_->state(); }
  std::uint64_t scan_order() const noexcept override { return inner_->scan_order(); }

 private:
  void note(const StorageChange& change) {
    if (change.kind == StorageChange::Kind::put) {
      shelf_.insert_or_assign(std::string(change.key),
                              StoredEntry{Value(change.value), change.version, change.copy_of});
    } else if (const auto found = shelf_.find(change.key); found != shelf_.end()) {
      shelf_.erase(found);
    }
  }

  std::unique_ptr<PartitionStorage> inner_;
  Shelf& shelf_;
};

class Shelves::WatchedStorage final : public Storage {
 public:
  WatchedStorage(Storage& inner, Room& room) : inner_(inner), room_(room) {}
  std::unique_ptr<PartitionStorage> open(ClusterId cluster, PartitionId partition) override {
    return std::make_unique<WatchedPartition>(inner_.open(cluster, partition), room_[{cluster, partition}]);
  }
  std::uint64_t memory_bytes() const noexcept override { return inner_.memory_bytes(); }
  bool is_durable() const noexcept override { return inner_.is_durable(); }
  std::vector<StoredPartition> stored() const override { return inner_.stored(); }
  std::optional<StorageWritten> remember(std::string_view name, std::string_view record,
                                         StorageWriteHandler later) override {
    return inner_.remember(name, record, std::move(later));
  }
  std::optional<std::string> recall(std::string_view name) const override { return inner_.recall(name); }
  void on_failure(Function<void(std::string)> handler) override { inner_.on_failure(std::move(handler)); }

 private:
  Storage& inner_;
  Room& room_;
};

std::shared_ptr<void> Shelves::watch(const NewProcess& process) {
  Room& room = rooms_[process.node];
  room = process.disk != nullptr ? process.disk->entries() : Room{};
  auto watched = std::make_shared<WatchedStorage>(*process.parts.storage, room);
  process.parts.storage = watched.get();
  return watched;
}

bool Shelves::is_marked(std::size_t place, const std::string& key, Version version, ClusterId copy_of) const {
  const auto room = rooms_.find(place);
  if (room == rooms_.end()) return false;
  return std::any_of(room->second.begin(), room->second.end(), [&](const auto& item) {
    const auto found = item.second.find(key);
    return found != item.second.end() && found->second.version == version && found->second.copy_of == copy_of;
  });
}

std::optional<StoredEntry> Shelves::own_entry(std::size_t place, ClusterId home, const std::string& key) const {
  const auto room = rooms_.find(place);
  if (room == rooms_.end()) return std::nullopt;
  for (const auto& [name, shelf] : room->second) {
    const auto found = shelf.find(key);
    if (name.first != home && found != shelf.end() && found->second.copy_of != home) return found->second;
  }
  return std::nullopt;
}

const Shelves::Shelf& Shelves::of(std::size_t place, ClusterId cluster, PartitionId partition) const {
  const auto room = rooms_.find(place);
  if (room == rooms_.end()) return empty_;
  const auto shelf = room->second.find({cluster, partition});
  return shelf == room->second.end() ? empty_ : shelf->second;
}

}  // namespace dht::testing::simulation
