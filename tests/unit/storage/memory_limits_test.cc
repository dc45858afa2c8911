// MemoryPartition: how much memory and work it takes, and what it does where memory runs out.
#include <algorithm>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_watch.h"
#include "storage/memory_partition.h"
#include "storage_helpers.h"

namespace dht::testing {
namespace {

using storage::Index;
using storage::MemoryPartition;
using storage::SeededKeyHash;

/// Counts how often a key is hashed: what splitting a leaf costs.
class CountingHash final : public storage::KeyHash {
 public:
  explicit CountingHash(std::uint64_t& calls) noexcept : calls_(calls) {}
  std::uint64_t operator()(std::string_view key) const noexcept override {
    ++calls_;
    return hash_(key);
  }

 private:
  storage::SeededKeyHash hash_{1};
  std::uint64_t& calls_;
};

/// The most that one call of `work` took.
struct Worst {
  std::uint64_t hashes = 0;
  std::uint64_t allocations = 0;
  std::uint64_t bytes = 0;

  template <typename Work>
  void measure(const std::uint64_t& hash_calls, Work&& work) {
    const std::uint64_t hashes_before = hash_calls;
    const std::uint64_t allocations_before = dht::testing::allocations();
    const std::uint64_t bytes_before = requested_bytes();
    work();
    hashes = std::max(hashes, hash_calls - hashes_before);
    allocations = std::max(allocations, dht::testing::allocations() - allocations_before);
    bytes = std::max(bytes, requested_bytes() - bytes_before);
  }
};

TEST_CASE("an empty partition takes at most 64 bytes, new, emptied or dropped") {
  const std::unique_ptr<Storage> storage = make_memory_storage(1);
  const std::int64_t before = live_bytes();
  const std::unique_ptr<PartitionStorage> partition = storage->open(ClusterId{1}, 0);
  CHECK(live_bytes() - before <= 64);
  for (std::uint64_t i = 0; i < 5000; ++i)
    put(*partition, spelled(i), "value");
  for (std::uint64_t i = 0; i < 5000; ++i)
    erase(*partition, spelled(i));
  CHECK(live_bytes() - before <= 64);
  for (std::uint64_t i = 0; i < 5000; ++i)
    put(*partition, spelled(i), "value");
  partition->drop(nullptr);
  CHECK(live_bytes() - before <= 64);
}

TEST_CASE("an entry of 116 bytes takes at most 150 in blocks, at any fill") {
  const std::unique_ptr<Storage> storage = make_memory_storage(1);
  const std::int64_t before = live_bytes();
  const std::unique_ptr<PartitionStorage> partition = storage->open(ClusterId{1}, 0);
  const std::string value(100, 'v');
  std::string key(16, 'k');
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    key.replace(0, 8, spelled(i));
    put(*partition, key, value);
    const std::int64_t entries = static_cast<std::int64_t>(i) + 1;
    if (entries >= 100 && entries % 50 == 0) REQUIRE(live_bytes() - before <= 150 * entries);
  }
}

/// That the storage counts its blocks, each with what an allocator puts around it.
void check_counts_blocks(const Storage& storage, std::int64_t bytes, std::int64_t blocks) {
  constexpr std::int64_t kMostAround = 24;
  const auto counted = static_cast<std::int64_t>(storage.memory_bytes());
  REQUIRE(counted >= bytes);
  REQUIRE(counted <= bytes + kMostAround * blocks);
}

TEST_CASE("a storage counts the memory of all its partitions, whatever is done to them") {
  const std::unique_ptr<Storage> storage = make_memory_storage(1);
  std::unique_ptr<PartitionStorage> some = storage->open(ClusterId{1}, 0);
  const std::unique_ptr<PartitionStorage> others = storage->open(ClusterId{2}, 0);
  const std::string value(100'000, 'v');
  const std::int64_t bytes_before = live_bytes();
  const std::int64_t blocks_before = live_blocks();
  const auto check = [&] { check_counts_blocks(*storage, live_bytes() - bytes_before, live_blocks() - blocks_before); };
  CHECK(storage->memory_bytes() == 0);
  std::mt19937_64 random(1);
  std::string key;
  for (int i = 0; i < 30'000; ++i) {
    PartitionStorage& partition = random() % 2 == 0 ? *some : *others;
    key = spelled(random() % 3000 << 48);
    const std::string_view sized = std::string_view(value).substr(0, random() % 50 == 0 ? random() % 100'000 : 70);
    // Few are erased at first, and nearly all in the end, so that leaves split and merge again.
    const bool erases = random() % 30'000 < static_cast<std::uint64_t>(i);
    const StorageChange change = erases ? erase_of(key) : put_of(key, sized, 1, ClusterId{random() % 2});
    const StorageChange both[] = {change, put_of("another", sized, 1)};
    REQUIRE_FALSE(partition.apply(std::span(both).first(1 + random() % 2), {}, nullptr)->error);
    if (i % 100 == 0) check();
  }
  check();
  others->drop(nullptr);
  check();
  CHECK(storage->memory_bytes() > 0);
  some.reset();
  CHECK(storage->memory_bytes() == 0);
}

TEST_CASE("a put that fits where the old value lies takes no memory, by the storage's count either") {
  const std::unique_ptr<Storage> storage = make_memory_storage(1);
  const std::unique_ptr<PartitionStorage> partition = storage->open(ClusterId{1}, 0);
  put(*partition, "key", "12345");
  const std::uint64_t before = storage->memory_bytes();
  CHECK(before > 0);
  put(*partition, "key", "54321", 2);
  CHECK(storage->memory_bytes() == before);
  put(*partition, "key", std::string(1000, 'v'), 3);
  CHECK(storage->memory_bytes() >= before + 900);
  erase(*partition, "key");
  CHECK(storage->memory_bytes() == 0);
}

TEST_CASE("memory goes back as entries are erased") {
  const std::unique_ptr<Storage> storage = make_memory_storage(1);
  const std::int64_t before = live_bytes();
  const std::unique_ptr<PartitionStorage> partition = storage->open(ClusterId{1}, 0);
  for (std::uint64_t i = 0; i < 40'000; ++i)
    put(*partition, spelled(i), "12345678");
  for (std::uint64_t i = 40'000; i > 0; --i) {
    erase(*partition, spelled(i - 1));
    // A record takes 32 to 40 bytes here; the rest is the index, where leaves get thin before they are merged.
    const std::int64_t entries = static_cast<std::int64_t>(i) - 1;
    if (entries % 50 == 0) REQUIRE(live_bytes() - before <= 80 * entries + 1000);
  }
}

TEST_CASE("the work of one change stays the same however large the partition is") {
  std::uint64_t hash_calls = 0;
  const CountingHash hash(hash_calls);
  MemoryPartition partition(hash);
  Worst put_small;
  Worst put_large;
  Worst erased;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    Worst& worst = i < 5'000 ? put_small : put_large;
    const std::string key = spelled(i);
    worst.measure(hash_calls, [&] { put(partition, key, "value"); });
  }
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const std::string key = spelled(i);
    erased.measure(hash_calls, [&] { erase(partition, key); });
  }
  for (const Worst& worst : {put_small, put_large}) {
    // The key itself and the keys of one leaf; the record, 16 leaves, the branch, and the one leaf grown after that.
    CHECK(worst.hashes == 1 + Index::kMaxLeaf);
    CHECK(worst.allocations <= 19);
    CHECK(worst.bytes <= 4096);
  }
  CHECK(erased.hashes == 1);
  CHECK(erased.allocations <= 1);
  CHECK(erased.bytes <= 8 + 8 * Index::kMaxLeaf);
}

TEST_CASE("splitting a leaf hashes no long key again") {
  std::uint64_t hash_calls = 0;
  const CountingHash hash(hash_calls);
  MemoryPartition partition(hash);
  Worst worst;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const std::string key = spelled(i) + std::string(300, 'k');
    worst.measure(hash_calls, [&] { put(partition, key, "value"); });
  }
  CHECK(worst.hashes == 1);
}

TEST_CASE("a put of the same length and a miss take no memory") {
  const SeededKeyHash hash(1);
  MemoryPartition partition(hash);
  for (std::uint64_t i = 0; i < 1000; ++i)
    put(partition, spelled(i), "12345");
  const std::string present = spelled(7);
  const std::string absent = spelled(5000);
  const StorageChange same = put_of(present, "54321", 2);
  const std::uint64_t before = allocations();
  CHECK_FALSE(partition.apply({&same, 1}, {}, nullptr)->error);
  CHECK_FALSE(partition.get(absent, nullptr)->entry);
  CHECK(allocations() == before);
  CHECK(get(partition, present)->value.view() == "54321");
}

/// A partition in which the next few puts split a leaf.
Model fill_to_the_brim(MemoryPartition& partition) {
  Model model;
  for (std::uint64_t i = 0; i < Index::kMaxLeaf; ++i) {
    const std::string key = "key number " + std::to_string(i);
    const StorageChange change = put_of(key, "value", i + 1, ClusterId{i % 2});
    REQUIRE_FALSE(apply_to(partition, {&change, 1}));
    apply_to(model, change);
  }
  return model;
}

void check_holds(MemoryPartition& partition, const Model& model) {
  CHECK(contents(partition) == model);
  CHECK(partition.statistics() == statistics_of(model));
}

/// Applies the changes with memory for so many allocations only, and once more if that was not enough. True where it
/// was.
bool check_all_or_nothing(const std::vector<StorageChange>& changes, std::uint64_t allowed) {
  CAPTURE(allowed);
  const SeededKeyHash hash(3);
  storage::MemoryTotal total;
  MemoryPartition partition(hash, &total);
  Model model = fill_to_the_brim(partition);
  std::error_code error;
  {
    const AllocationLimit limit(allowed);
    error = partition.apply(changes, {}, nullptr)->error;
  }
  if (error) {
    CHECK(error == std::errc::not_enough_memory);
    check_holds(partition, model);
    REQUIRE_FALSE(apply_to(partition, changes));
  }
  for (const StorageChange& change : changes)
    apply_to(model, change);
  check_holds(partition, model);
  CHECK(total.bytes() > 0);
  partition.drop(nullptr);
  CHECK(total.bytes() == 0);
  return !error;
}

/// Makes memory run out at the first allocation, then at the second, and so on until there is enough.
void check_all_or_nothing(const std::vector<StorageChange>& changes) {
  std::uint64_t allowed = 0;
  while (!check_all_or_nothing(changes, allowed))
    ++allowed;
  CHECK(allowed > 0);
}

TEST_CASE("where memory runs out, a change or a batch is made wholly or not at all") {
  const std::string large(5000, 'x');
  check_all_or_nothing({put_of("a new key", "value", 1)});
  check_all_or_nothing({put_of("key number 5", large, 1)});
  check_all_or_nothing({
      erase_of("key number 1"),
      put_of("a new key", "value", 1000),
      put_of("key number 2", large, 1001),
      put_of("key number 1", "again", 1002),
      erase_of("key number 3"),
      erase_of("a new key"),
      put_of("another new key", large, 1003),
      erase_of("key number 2"),
      put_of("a new key", "value", 1004, ClusterId{5}),
      put_of("key number 2", "back", 1005),
      erase_of("no such key"),
      put_of("a third new key", "value", 1006),
  });
}

TEST_CASE("erasing needs no memory, at any size") {
  const SeededKeyHash hash(1);
  MemoryPartition partition(hash);
  for (std::uint64_t i = 0; i < 5000; ++i)
    put(partition, spelled(i), "value");
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const std::string key = spelled(i);
    const StorageChange change = erase_of(key);
    std::error_code error;
    {
      const AllocationLimit limit(0);
      error = partition.apply({&change, 1}, {}, nullptr)->error;
    }
    REQUIRE_FALSE(error);
    REQUIRE_FALSE(get(partition, key));
    if (i % 500 == 0) REQUIRE(contents(partition).size() == 4999 - i);
  }
  CHECK(contents(partition).empty());
}

TEST_CASE("a read or scan that runs out of memory says so and can be made again") {
  const SeededKeyHash hash(1);
  MemoryPartition partition(hash);
  const std::string value(100, 'v');
  for (std::uint64_t i = 0; i < 50; ++i)
    put(partition, spelled(i), value);
  const std::string key = spelled(1);
  for (std::uint64_t allowed = 0; allowed < 20; ++allowed) {
    std::error_code read_error;
    std::error_code scan_error;
    {
      const AllocationLimit limit(0);
      read_error = partition.get(key, nullptr)->error;
    }
    {
      const AllocationLimit limit(allowed);
      scan_error = partition.scan(0, 100'000, nullptr)->error;
    }
    CHECK(read_error == std::errc::not_enough_memory);
    CHECK(scan_error == std::errc::not_enough_memory);
  }
  CHECK(get(partition, key)->value.view() == value);
  CHECK(contents(partition).size() == 50);
}

}  // namespace
}  // namespace dht::testing
