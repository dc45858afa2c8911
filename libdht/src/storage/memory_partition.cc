#include "storage/memory_partition.h"

#include <new>
#include <string>
#include <utility>

#include <dht/entry.h>
#include <dht/error.h>

#include "storage/batch.h"

namespace dht::storage {
namespace {

std::error_code out_of_memory() noexcept { return std::make_error_code(std::errc::not_enough_memory); }

StoredEntry entry_of(const Record& record) { return {Value(record.value()), record.version(), record.copy_of()}; }

std::error_code check(const StorageChange& change) noexcept {
  if (change.key.size() > kMaxKeyBytes) return Errc::too_large;
  if (change.kind == StorageChange::Kind::erase) return {};
  if (change.value.size() > Record::kMaxValueBytes) return Errc::too_large;
  if (change.version == 0) return Errc::invalid_argument;
  return {};
}

}  // namespace

/// While it lives the partition changes; at its end, however that comes, the total is told by how much.
class MemoryPartition::Counted {
 public:
  explicit Counted(MemoryPartition& partition) noexcept
      : partition_(partition), before_(partition.index_.memory_bytes()) {}
  ~Counted() {
    if (partition_.total_ != nullptr) partition_.total_->change(before_, partition_.index_.memory_bytes());
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  MemoryPartition& partition_;
  const std::uint64_t before_;
};

std::optional<StorageRead> MemoryPartition::get(std::string_view key, StorageReadHandler) try {
  const Slot* slot = index_.find(index_.position_of(key), key);
  if (slot == nullptr) return StorageRead{};
  return StorageRead{{}, entry_of(*slot->record())};
} catch (const std::bad_alloc&) {
  return StorageRead{out_of_memory(), std::nullopt};
}

std::optional<StorageRead> MemoryPartition::get_version(std::string_view key, StorageReadHandler) {
  const Slot* slot = index_.find(index_.position_of(key), key);
  if (slot == nullptr) return StorageRead{};
  return StorageRead{{}, StoredEntry{{}, slot->record()->version(), slot->record()->copy_of()}};
}

std::optional<StorageWritten> MemoryPartition::apply(std::span<const StorageChange> changes, std::string_view,
                                                     StorageWriteHandler) try {
  for (const StorageChange& change : changes) {
    if (const std::error_code error = check(change)) return StorageWritten{error};
  }
  const Counted counted(*this);
  if (changes.size() == 1) {
    const StorageChange& change = changes.front();
    if (change.kind == StorageChange::Kind::put) {
      put(change);
    } else {
      erase(change);
    }
  } else {
    Batch batch(index_, statistics_, changes.size());
    for (const StorageChange& change : changes)
      batch.make(change);
    batch.commit();
  }
  return StorageWritten{};
} catch (const std::bad_alloc&) {
  return StorageWritten{out_of_memory()};
}

void MemoryPartition::put(const StorageChange& change) {
  const Index::Position position = index_.position_of(change.key);
  const Record::Contents contents{change.key, change.value, change.version, change.copy_of};
  const std::uint64_t bytes = change.key.size() + change.value.size();
  if (Slot* slot = index_.find(position, change.key)) {
    const std::uint64_t old_bytes = slot->record()->bytes();
    if (slot->record()->can_hold(contents)) {
      slot->record()->overwrite(contents, position);
    } else {
      index_.exchange(*slot, Record::make(contents, position));
    }
    statistics_.bytes = statistics_.bytes - old_bytes + bytes;
  } else {
    index_.insert(position, Record::make(contents, position));
    ++statistics_.entries;
    statistics_.bytes += bytes;
  }
}

void MemoryPartition::erase(const StorageChange& change) noexcept {
  const Record::Owner record = index_.erase(index_.position_of(change.key), change.key);
  if (record == nullptr) return;
  --statistics_.entries;
  statistics_.bytes -= record->bytes();
}

std::optional<StorageScanned> MemoryPartition::scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler) try {
  ScanChunk chunk;
  std::size_t bytes = 0;
  Function<bool(const Record&)> collect = [&](const Record& record) {
    chunk.entries.push_back({std::string(record.key()), entry_of(record)});
    bytes += record.bytes();
    return bytes < max_bytes;
  };
  chunk.next = index_.scan(from, collect);
  return StorageScanned{{}, std::move(chunk)};
} catch (const std::bad_alloc&) {
  return StorageScanned{out_of_memory(), {}};
}

std::optional<StorageWritten> MemoryPartition::drop(StorageWriteHandler) {
  clear();
  return StorageWritten{};
}

void MemoryPartition::clear() noexcept {
  const Counted counted(*this);
  index_.clear();
  statistics_ = {};
}

}  // namespace dht::storage
