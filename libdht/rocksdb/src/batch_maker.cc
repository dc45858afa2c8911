#include "batch_maker.h"

namespace dht::rocks {

rocksdb::Status BatchMaker::make(std::span<const StorageChange> changes, std::string_view state, Reach reach) {
  several_ = changes.size() > 1;
  for (const StorageChange& change : changes) {
    rocksdb::Status status = add(change, reach);
    if (!status.ok()) return status;
  }
  batch_.Put(partition_key(partition_), partition_value(statistics_, state));
  return rocksdb::Status::OK();
}

rocksdb::Status BatchMaker::add(const StorageChange& change, Reach reach) {
  const std::string key = entry_key(partition_, change.key);
  ValueSize before;
  rocksdb::Status status = find(change.key, key, reach, before);
  if (!status.ok()) return status;
  if (before) {
    --statistics_.entries;
    statistics_.bytes -= change.key.size() + *before;
  }
  ValueSize after;
  if (change.kind == StorageChange::Kind::put) {
    batch_.Put(key, entry_value(change.value, change.version, change.copy_of));
    after = change.value.size();
    statistics_ += {1, change.key.size() + change.value.size()};
  } else if (before) {
    batch_.Delete(key);
  }
  if (several_) made_[change.key] = after;
  return status;
}

rocksdb::Status BatchMaker::find(std::string_view key, std::string_view key_on_disk, Reach reach, ValueSize& found) {
  if (const auto made = made_.find(key); made != made_.end()) {
    found = made->second;
    return rocksdb::Status::OK();
  }
  if (known_ && known_->key == key) {
    found = known_->value_bytes;
    return rocksdb::Status::OK();
  }
  rocksdb::PinnableSlice value;
  rocksdb::Status status = database_.read(key_on_disk, reach, value);
  if (status.IsNotFound()) return rocksdb::Status::OK();
  if (!status.ok()) return status;
  const std::optional<EntryView> entry = parse_entry_value({value.data(), value.size()});
  if (!entry) {
    database_.malformed_entry();
    return rocksdb::Status::Corruption();
  }
  found = entry->value.size();
  return status;
}

std::optional<KnownKey> BatchMaker::known_after(std::span<const StorageChange> changes) const {
  if (changes.empty()) return known_;
  const StorageChange& last = changes.back();
  KnownKey known{std::string(last.key), {}};
  if (last.kind == StorageChange::Kind::put) known.value_bytes = last.value.size();
  return known;
}

}  // namespace dht::rocks
