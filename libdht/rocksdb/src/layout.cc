#include "layout.h"

#include "key_hash.h"

namespace dht::rocks {
namespace {

enum class EntryForm : char { plain = 0, copy = 1 };
constexpr char kPartitionForm = 0;

void append_number(std::string& to, std::uint64_t number, unsigned bytes = 8) {
  while (bytes-- > 0)
    to.push_back(static_cast<char>(number >> (8 * bytes)));
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, unsigned size = 8) noexcept {
  std::uint64_t number = 0;
  for (const char byte : bytes.substr(at, size))
    number = (number << 8) | static_cast<unsigned char>(byte);
  return number;
}

std::string partition_prefix(char kind, StoredPartition partition, std::size_t reserve) {
  std::string key;
  key.reserve(1 + 8 + 4 + reserve);
  key.push_back(kind);
  append_number(key, partition.cluster.value);
  append_number(key, partition.partition, 4);
  return key;
}

}  // namespace

std::string entry_key(StoredPartition partition, std::string_view key) {
  std::string made = partition_prefix(kEntryKeys, partition, 8 + key.size());
  append_number(made, hash_on_disk(partition.cluster, key));
  made.append(key);
  return made;
}

std::string entries_from(StoredPartition partition, std::uint64_t from) {
  std::string made = partition_prefix(kEntryKeys, partition, 8);
  append_number(made, from);
  return made;
}

std::string entries_end(StoredPartition partition) { return entries_from(partition, kScanEnd); }

std::uint64_t hash_in(std::string_view entry_key) noexcept { return number_at(entry_key, kEntryPrefixBytes - 8); }

std::string partition_key(StoredPartition partition) { return partition_prefix(kPartitionKeys, partition, 0); }

std::optional<StoredPartition> parse_partition_key(std::string_view bytes) {
  if (bytes.size() != 1 + 8 + 4) return std::nullopt;
  return StoredPartition{ClusterId{number_at(bytes, 1)}, static_cast<PartitionId>(number_at(bytes, 9, 4))};
}

std::string node_key(std::string_view name) {
  std::string key(1, kNodeKeys);
  key.append(name);
  return key;
}

std::string entry_value(std::string_view value, Version version, ClusterId copy_of) {
  std::string made;
  made.reserve(1 + 8 + 8 + value.size());
  made.push_back(static_cast<char>(copy_of ? EntryForm::copy : EntryForm::plain));
  append_number(made, version);
  if (copy_of) append_number(made, copy_of.value);
  made.append(value);
  return made;
}

std::optional<EntryView> parse_entry_value(std::string_view bytes) noexcept {
  const bool is_copy = !bytes.empty() && bytes[0] == static_cast<char>(EntryForm::copy);
  const std::size_t header = 1 + 8 + (is_copy ? 8U : 0U);
  if (bytes.size() < header) return std::nullopt;
  if (!is_copy && bytes[0] != static_cast<char>(EntryForm::plain)) return std::nullopt;
  EntryView view{bytes.substr(header), number_at(bytes, 1), {}};
  if (is_copy) view.copy_of = ClusterId{number_at(bytes, 9)};
  return view;
}

std::string partition_value(const StorageStatistics& statistics, std::string_view state) {
  std::string made;
  made.reserve(1 + 8 + 8 + state.size());
  made.push_back(kPartitionForm);
  append_number(made, statistics.entries);
  append_number(made, statistics.bytes);
  made.append(state);
  return made;
}

std::optional<PartitionRecord> parse_partition_value(std::string_view bytes) {
  if (bytes.size() < 1 + 8 + 8 || bytes[0] != kPartitionForm) return std::nullopt;
  return PartitionRecord{{number_at(bytes, 1), number_at(bytes, 9)}, std::string(bytes.substr(17))};
}

std::string number_value(std::uint64_t number) {
  std::string made;
  append_number(made, number);
  return made;
}

std::optional<std::uint64_t> parse_number_value(std::string_view bytes) noexcept {
  if (bytes.size() != 8) return std::nullopt;
  return number_at(bytes, 0);
}

}  // namespace dht::rocks
