#include "desk.h"

#include <cstring>

namespace dht::testing::checks {

void require(bool holds, std::string_view sentence) {
  if (!holds) throw Broken{std::string(sentence)};
}

StorageChange put_change(std::string_view key, std::string_view value, Version version, ClusterId copy_of) {
  return {StorageChange::Kind::put, key, value, version, copy_of};
}

StorageChange erase_change(std::string_view key) { return {StorageChange::Kind::erase, key, {}, 0, {}}; }

StoredEntry entry_of(std::string_view value, Version version, ClusterId copy_of) {
  return {Value(value), version, copy_of};
}

void apply_to_model(Model& model, std::span<const StorageChange> changes) {
  for (const StorageChange& change : changes) {
    if (change.kind == StorageChange::Kind::erase) {
      model.erase(std::string(change.key));
    } else {
      model[std::string(change.key)] = entry_of(change.value, change.version, change.copy_of);
    }
  }
}

StorageStatistics statistics_of_model(const Model& model) {
  StorageStatistics statistics;
  for (const auto& [key, entry] : model)
    statistics += {1, key.size() + entry.value.size()};
  return statistics;
}

std::string numbered_key(std::uint64_t number) {
  std::mt19937_64 random(number);
  std::string key(8 + random() % 52, '\0');
  for (char& byte : key)
    byte = static_cast<char>(random());
  std::memcpy(key.data(), &number, 8);
  return key;
}

PartitionStorage& Desk::partition(PartitionId partition, ClusterId cluster) {
  std::unique_ptr<PartitionStorage>& open = open_[{cluster, partition}];
  if (open == nullptr) open = storage().open(cluster, partition);
  return *open;
}

void Desk::reopen() {
  open_.clear();
  subject_.reopen();
}

void Desk::crash() {
  require(subject_.crash(), "the subject has no crashes");
  reopen();
}

std::error_code Desk::try_apply(PartitionStorage& partition, std::span<const StorageChange> changes,
                                std::string_view state) {
  return wait(start_apply(partition, changes, state)).error;
}

void Desk::apply(PartitionStorage& partition, std::span<const StorageChange> changes, std::string_view state) {
  require(!try_apply(partition, changes, state), "an apply has failed");
}

void Desk::put(PartitionStorage& partition, std::string_view key, std::string_view value, Version version,
               ClusterId copy_of) {
  const StorageChange change = put_change(key, value, version, copy_of);
  apply(partition, {&change, 1});
}

void Desk::erase(PartitionStorage& partition, std::string_view key) {
  const StorageChange change = erase_change(key);
  apply(partition, {&change, 1});
}

std::optional<StoredEntry> Desk::get(PartitionStorage& partition, std::string_view key) {
  StorageRead read = wait(start_get(partition, key));
  require(!read.error, "a get has failed");
  return std::move(read.entry);
}

std::optional<StoredEntry> Desk::get_version(PartitionStorage& partition, std::string_view key) {
  StorageRead read =
      wait(start<StorageRead>([&](StorageReadHandler later) { return partition.get_version(key, std::move(later)); }));
  require(!read.error, "a get_version has failed");
  return std::move(read.entry);
}

ScanChunk Desk::scan(PartitionStorage& partition, ScanCursor from, std::size_t max_bytes) {
  StorageScanned scanned = wait(start_scan(partition, from, max_bytes));
  require(!scanned.error, "a scan has failed");
  return std::move(scanned.chunk);
}

void Desk::drop(PartitionStorage& partition) { require(!wait(start_drop(partition)).error, "a drop has failed"); }

void Desk::sync(PartitionStorage& partition, SyncFor purpose) {
  require(!wait(start_sync(partition, purpose)).error, "a sync has failed");
}

void Desk::remember(std::string_view name, std::string_view record) {
  require(!wait(start_remember(storage(), name, record)).error, "a remember has failed");
}

Model Desk::contents(PartitionStorage& partition, std::size_t max_bytes) {
  Model all;
  for (ScanCursor at = 0; at != kScanEnd;) {
    ScanChunk chunk = scan(partition, at, max_bytes);
    require(chunk.next != at, "a chunk of a scan leads back to its own start");
    at = chunk.next;
    for (ScannedEntry& scanned : chunk.entries) {
      const auto [entry, is_new] = all.emplace(std::move(scanned.key), scanned.entry);
      require(is_new || entry->second == scanned.entry, "a scan gave two versions of a key that did not change");
    }
  }
  return all;
}

void Desk::require_shows(PartitionStorage& partition, const Model& model) {
  require(contents(partition) == model, "a scan does not give the entries that there are");
  for (const auto& [key, entry] : model)
    require(get(partition, key) == entry, "a get does not give the entry that there is");
  require(partition.statistics() == statistics_of_model(model), "the statistics are not those of the entries");
}

AnswerOf<StorageWritten> start_apply(PartitionStorage& partition, std::span<const StorageChange> changes,
                                     std::string_view state) {
  return start<StorageWritten>(
      [&](StorageWriteHandler later) { return partition.apply(changes, state, std::move(later)); });
}

AnswerOf<StorageWritten> start_sync(PartitionStorage& partition, SyncFor purpose) {
  return start<StorageWritten>([&](StorageWriteHandler later) { return partition.sync(purpose, std::move(later)); });
}

AnswerOf<StorageWritten> start_drop(PartitionStorage& partition) {
  return start<StorageWritten>([&](StorageWriteHandler later) { return partition.drop(std::move(later)); });
}

AnswerOf<StorageRead> start_get(PartitionStorage& partition, std::string_view key) {
  return start<StorageRead>([&](StorageReadHandler later) { return partition.get(key, std::move(later)); });
}

AnswerOf<StorageScanned> start_scan(PartitionStorage& partition, ScanCursor from, std::size_t max_bytes) {
  return start<StorageScanned>(
      [&](StorageScanHandler later) { return partition.scan(from, max_bytes, std::move(later)); });
}

AnswerOf<StorageWritten> start_remember(Storage& storage, std::string_view name, std::string_view record) {
  return start<StorageWritten>(
      [&](StorageWriteHandler later) { return storage.remember(name, record, std::move(later)); });
}

}  // namespace dht::testing::checks
