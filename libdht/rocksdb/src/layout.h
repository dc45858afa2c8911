// The layout on disk: which keys and values RocksDB holds. Numbers are big-endian, so that keys sort by them.
//
//   'e' cluster(8) partition(4) hash(8) key     an entry: form(1) version(8) [copy_of(8)] value
//   'p' cluster(8) partition(4)                 a partition: form(1) entries(8) bytes(8) state
//   'n' name                                    a record of the node
//   's'                                         the number of the last sync (see sync_file.h)
//
// All of it is in one column family: then what a crash leaves of it is always a prefix of what was written, since there
// is one log and one order of flushing.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <dht/storage.h>

namespace dht::rocks {

/// Grows with every change that an earlier version could not read.
inline constexpr std::uint32_t kFormat = 1;

inline constexpr char kEntryKeys = 'e';
inline constexpr char kPartitionKeys = 'p';
inline constexpr char kNodeKeys = 'n';
inline constexpr std::string_view kSyncKey = "s";

/// Bytes of an entry's key on disk before the key itself.
inline constexpr std::size_t kEntryPrefixBytes = 1 + 8 + 4 + 8;

std::string entry_key(StoredPartition partition, std::string_view key);
/// Where the entries begin whose hash is `from` or more.
std::string entries_from(StoredPartition partition, std::uint64_t from);
/// Behind all entries of the partition.
std::string entries_end(StoredPartition partition);
/// Of an entry's key on disk, which must be at least `kEntryPrefixBytes` long.
std::uint64_t hash_in(std::string_view entry_key) noexcept;

std::string partition_key(StoredPartition partition);
std::optional<StoredPartition> parse_partition_key(std::string_view bytes);
std::string node_key(std::string_view name);

/// An entry's value, parsed but not copied.
struct EntryView {
  std::string_view value{};
  Version version = 0;
  ClusterId copy_of{};
};
std::string entry_value(std::string_view value, Version version, ClusterId copy_of);
std::optional<EntryView> parse_entry_value(std::string_view bytes) noexcept;

/// What is known of a partition as a whole. Written with every change of its entries.
struct PartitionRecord {
  StorageStatistics statistics{};
  std::string state{};

  bool empty() const noexcept { return statistics.entries == 0 && state.empty(); }
};
std::string partition_value(const StorageStatistics& statistics, std::string_view state);
std::optional<PartitionRecord> parse_partition_value(std::string_view bytes);

std::string number_value(std::uint64_t number);
std::optional<std::uint64_t> parse_number_value(std::string_view bytes) noexcept;

}  // namespace dht::rocks
