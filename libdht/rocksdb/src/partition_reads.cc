// PartitionCore: reads and scans.
#include <new>
#include <utility>

#include "partition_core.h"

namespace dht::rocks {
namespace {

std::error_code out_of_memory() noexcept { return std::make_error_code(std::errc::not_enough_memory); }

}  // namespace

std::optional<StorageRead> PartitionCore::read(std::string_view key, bool with_value, StorageReadHandler later) try {
  if (failed()) return StorageRead{failure(), std::nullopt};
  if (std::optional<StorageRead> read = read_from(key, with_value, Reach::memory)) return read;
  const Calls::Number call = calls_.add(std::move(later));
  engine_.readers.submit([core = shared_from_this(), key = std::string(key), with_value, call] {
    std::optional<StorageRead> read;
    try {
      read = core->read_from(key, with_value, Reach::disk);
    } catch (const std::bad_alloc&) {
      read = StorageRead{out_of_memory(), std::nullopt};
    }
    core->calls_.complete(call, *std::move(read));
  });
  return std::nullopt;
} catch (const std::bad_alloc&) {
  return StorageRead{out_of_memory(), std::nullopt};
}

/// Nothing where the reach does not suffice.
std::optional<StorageRead> PartitionCore::read_from(std::string_view key, bool with_value, Reach reach) {
  if (failed()) return StorageRead{failure(), std::nullopt};
  const std::uint64_t changes_before = changes_.load(std::memory_order_acquire);
  rocksdb::PinnableSlice value;
  const rocksdb::Status status = engine_.database.read(entry_key(name_, key), reach, value);
  if (status.IsIncomplete() && reach == Reach::memory) return std::nullopt;
  StorageRead read;
  ValueSize value_bytes;
  if (status.ok()) {
    const std::optional<EntryView> entry = parse_entry_value({value.data(), value.size()});
    if (entry) {
      read.entry = StoredEntry{Value(with_value ? entry->value : std::string_view()), entry->version, entry->copy_of};
      value_bytes = entry->value.size();
    } else {
      engine_.database.malformed_entry();
    }
  }
  if (failed()) return StorageRead{failure(), std::nullopt};
  if (!with_value) {
    // A writer asks for the version and then writes: its write need not look up the size again. A change that came
    // between makes what was read worthless.
    const std::lock_guard lock(mutex_);
    if (changes_.load(std::memory_order_relaxed) == changes_before) known_ = KnownKey{std::string(key), value_bytes};
  }
  return read;
}

std::optional<StorageScanned> PartitionCore::scan(ScanCursor from, std::size_t max_bytes,
                                                  StorageScanHandler later) try {
  if (failed()) return StorageScanned{failure(), {}};
  if (from == kScanEnd) return StorageScanned{};
  const Calls::Number call = calls_.add(std::move(later));
  engine_.readers.submit([core = shared_from_this(), from, max_bytes, call] {
    StorageScanned scanned;
    try {
      scanned = core->scan_now(from, max_bytes);
    } catch (const std::bad_alloc&) {
      scanned = StorageScanned{out_of_memory(), {}};
    }
    core->calls_.complete(call, std::move(scanned));
  });
  return std::nullopt;
} catch (const std::bad_alloc&) {
  return StorageScanned{out_of_memory(), {}};
}

StorageScanned PartitionCore::scan_now(ScanCursor from, std::size_t max_bytes) {
  if (failed()) return {failure(), {}};
  const std::string begin = entries_from(name_, from);
  const std::string end = entries_end(name_);
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  options.fill_cache = false;  // what a scan reads is rarely read again, and must not drive out what is
  const std::unique_ptr<rocksdb::Iterator> at(engine_.database.rocks().NewIterator(options));
  StorageScanned scanned;
  std::size_t bytes = 0;
  std::uint64_t last_hash = 0;
  for (at->Seek(begin); at->Valid(); at->Next()) {
    const std::string_view key(at->key().data(), at->key().size());
    const std::optional<EntryView> entry = parse_entry_value({at->value().data(), at->value().size()});
    if (key.size() < kEntryPrefixBytes || !entry) {
      engine_.database.malformed_entry();
      return {failure(), {}};
    }
    const std::uint64_t hash = hash_in(key);
    // A cursor cannot point between entries of one hash, so these stay together.
    if (!scanned.chunk.entries.empty() && bytes >= max_bytes && hash != last_hash) {
      scanned.chunk.next = hash;
      return scanned;
    }
    last_hash = hash;
    const std::string_view short_key = key.substr(kEntryPrefixBytes);
    bytes += short_key.size() + entry->value.size();
    scanned.chunk.entries.push_back(
        {std::string(short_key), {Value(entry->value), entry->version, entry->copy_of}, hash});
  }
  if (!at->status().ok()) {
    engine_.database.failure().fail(at->status(), "cannot read entries");
    return {failure(), {}};
  }
  return scanned;
}

}  // namespace dht::rocks
