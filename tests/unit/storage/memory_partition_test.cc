// MemoryPartition: what each call does, and where positions collide.
#include "storage/memory_partition.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/entry.h>
#include <dht/error.h>

#include "storage_helpers.h"

namespace dht::testing {
namespace {

using storage::MemoryPartition;
using storage::SeededKeyHash;

TEST_CASE("get returns what put stored: value, version and copy_of") {
  const SeededKeyHash hash(1);
  MemoryPartition partition(hash);
  CHECK_FALSE(get(partition, "a"));
  put(partition, "a", "one", 5, ClusterId{8});
  CHECK(get(partition, "a") == StoredEntry{Value(std::string_view("one")), 5, ClusterId{8}});
  put(partition, "a", "", 6);
  CHECK(get(partition, "a") == StoredEntry{Value(), 6, {}});
  erase(partition, "a");
  CHECK_FALSE(get(partition, "a"));
  erase(partition, "a");
  CHECK(partition.statistics() == StorageStatistics{});
}

TEST_CASE("changes of one batch to one key apply in their order") {
  const SeededKeyHash hash(1);
  MemoryPartition partition(hash);
  put(partition, "stays", "x", 1);
  put(partition, "goes", "y", 2);
  const std::array changes{erase_of("stays"),          put_of("stays", "again", 3), erase_of("stays"),
                           put_of("stays", "last", 4), put_of("goes", "z", 5),      erase_of("goes"),
                           erase_of("goes"),           put_of("new", "n", 6),       erase_of("new"),
                           erase_of("never"),          put_of("new", "m", 7)};
  REQUIRE_FALSE(apply_to(partition, changes));
  const Model expected{{"stays", {Value(std::string_view("last")), 4, {}}},
                       {"new", {Value(std::string_view("m")), 7, {}}}};
  CHECK(contents(partition) == expected);
  CHECK(get(partition, "stays") == expected.at("stays"));
  CHECK_FALSE(get(partition, "goes"));
  CHECK(partition.statistics() == statistics_of(expected));
}

TEST_CASE("a batch with a change that cannot be stored changes nothing") {
  const SeededKeyHash hash(1);
  MemoryPartition partition(hash);
  const std::string long_key(kMaxKeyBytes + 1, 'k');
  const std::array too_long{put_of("a", "1", 1), put_of(long_key, "2", 2)};
  CHECK(apply_to(partition, too_long) == Errc::too_large);
  const std::array no_version{put_of("a", "1", 1), put_of("b", "2", 0)};
  CHECK(apply_to(partition, no_version) == Errc::invalid_argument);
  CHECK(contents(partition).empty());
  CHECK_FALSE(apply_to(partition, {}));
}

TEST_CASE("a key of 64 KiB and a large value are kept") {
  const SeededKeyHash hash(1);
  MemoryPartition partition(hash);
  const std::string key(kMaxKeyBytes, '\xff');
  const std::string value(3'000'000, 'v');
  put(partition, key, value, 1);
  CHECK(get(partition, key) == StoredEntry{Value(value), 1, {}});
  CHECK(partition.statistics() == StorageStatistics{1, key.size() + value.size()});
}

TEST_CASE("drop removes everything and the partition can be used on") {
  const SeededKeyHash hash(1);
  MemoryPartition partition(hash);
  for (std::uint64_t i = 0; i < 2000; ++i)
    put(partition, spelled(i), "value");
  const std::optional<StorageWritten> dropped = partition.drop(nullptr);
  REQUIRE(dropped);
  CHECK_FALSE(dropped->error);
  CHECK(contents(partition).empty());
  CHECK(partition.statistics() == StorageStatistics{});
  put(partition, "a", "b");
  CHECK(contents(partition).size() == 1);
}

TEST_CASE("a chunk of a scan ends soon after max_bytes and holds at least one entry") {
  const SeededKeyHash hash(1);
  MemoryPartition partition(hash);
  for (std::uint64_t i = 0; i < 1000; ++i)
    put(partition, spelled(i), "12345678");
  CHECK(scan(partition, 0, 160).entries.size() == 10);
  CHECK(scan(partition, 0, 161).entries.size() == 11);
  CHECK(scan(partition, 0, 0).entries.size() == 1);
  CHECK(scan(partition, 0, 1'000'000).entries.size() == 1000);
  CHECK(scan(partition, 0, 1'000'000).next == kScanEnd);
  CHECK(scan(partition, kScanEnd, 1'000'000).entries.empty());
}

TEST_CASE("scans of equal seeds go in equal order") {
  const std::unique_ptr<Storage> first = make_memory_storage(3);
  const std::unique_ptr<Storage> second = make_memory_storage(3);
  const std::unique_ptr<Storage> other = make_memory_storage(4);
  const auto first_key = [](Storage& storage) {
    const std::unique_ptr<PartitionStorage> partition = storage.open(ClusterId{1}, 0);
    for (std::uint64_t i = 0; i < 1000; ++i)
      put(*partition, spelled(i), "value");
    return scan(*partition, 0, 1).entries.at(0).key;
  };
  CHECK(first_key(*first) == first_key(*second));
  CHECK(first_key(*first) != first_key(*other));
}

TEST_CASE("the partitions of one storage are apart, and one opened again is empty") {
  const std::unique_ptr<Storage> storage = make_memory_storage();
  std::unique_ptr<PartitionStorage> one = storage->open(ClusterId{1}, 0);
  const std::unique_ptr<PartitionStorage> two = storage->open(ClusterId{1}, 1);
  put(*one, "key", "value");
  CHECK_FALSE(get(*two, "key"));
  one.reset();
  one = storage->open(ClusterId{1}, 0);
  CHECK_FALSE(get(*one, "key"));
}

TEST_CASE("keys at one position are told apart and come in one chunk") {
  const SpelledHash hash;
  for (const std::uint64_t position : {std::uint64_t{0}, std::uint64_t{0x123456789abcdef0}, ~std::uint64_t{0}}) {
    MemoryPartition partition(hash);
    Model model;
    // Twice what a leaf holds: the index gets as deep as it can and then grows the leaf.
    for (std::uint64_t i = 0; i < 600; ++i) {
      const std::string key = spelled(position) + std::to_string(i);
      put(partition, key, "value", i + 1);
      model[key] = {Value(std::string_view("value")), i + 1, {}};
    }
    CHECK(contents(partition, 1) == model);
    const ScanChunk chunk = scan(partition, 0, 1);
    CHECK(chunk.entries.size() == 600);
    CHECK(scan(partition, chunk.next, 1).entries.empty());
    for (const auto& [key, entry] : model)
      REQUIRE(get(partition, key) == entry);
    for (std::uint64_t i = 0; i < 600; ++i)
      erase(partition, spelled(position) + std::to_string(i));
    CHECK(contents(partition).empty());
  }
}

TEST_CASE("neighbouring positions and both ends of the position space are scanned in order") {
  const SpelledHash hash;
  MemoryPartition partition(hash);
  // Dense runs at both ends and in the middle, so that leaves of all depths lie side by side.
  std::vector<std::uint64_t> positions;
  for (std::uint64_t i = 0; i < 700; ++i) {
    positions.push_back(2 * i);
    positions.push_back(0x8000'0000'0000'0000U + 0x1'0000U * i);
    positions.push_back(~std::uint64_t{0} - 1 - 2 * i);
  }
  for (const std::uint64_t position : positions)
    put(partition, spelled(position), "v");
  std::ranges::sort(positions);
  std::vector<std::uint64_t> seen;
  for (ScanCursor at = 0; at != kScanEnd;) {
    const ScanChunk chunk = scan(partition, at, 1);
    for (const ScannedEntry& entry : chunk.entries)
      seen.push_back(hash(entry.key));
    at = chunk.next;
  }
  CHECK(seen == positions);
}

TEST_CASE("a cursor between two positions that have come to share a tag repeats nothing") {
  const SpelledHash hash;
  MemoryPartition partition(hash);
  // All positions share their upper 48 bits, so the leaf is deep while they are many, and at the top when few are left.
  for (std::uint64_t i = 0; i < 600; ++i)
    put(partition, spelled(2 * i), "v");
  ScanCursor at = 0;
  for (std::uint64_t i = 0; i < 300; ++i)
    at = scan(partition, at, 1).next;
  for (std::uint64_t i = 10; i < 590; ++i)
    erase(partition, spelled(2 * i));
  const ScanChunk rest = scan(partition, at, 1'000'000);
  CHECK(rest.entries.size() == 10);
  for (const ScannedEntry& entry : rest.entries)
    CHECK(hash(entry.key) >= 2 * 590);
}

}  // namespace
}  // namespace dht::testing
