// The storage of RocksDB: time per operation where nothing waits for the disk, writes that do, scans, opening.
//
// Its directories are made in DHT_TEST_DATA or TMPDIR, and the figures of syncs are those of that disk. "large" ones
// take seconds.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <dht/rocksdb.h>
#include <dht/storage.h>

#include "../temp_directory.h"
#include "base/hash.h"

namespace dht {
namespace {

constexpr std::size_t kPartitions = 128;

/// Key number `number`: 16 bytes that are spread over the key space.
std::string key_number(std::uint64_t number) {
  const std::uint64_t second = base::split_mix(number);
  std::string key(16, '\0');
  std::memcpy(key.data(), &number, 8);
  std::memcpy(key.data() + 8, &second, 8);
  return key;
}

/// Key number i lies in partition i modulo their number.
class DurableTable {
 public:
  explicit DurableTable(bool sync_answers) : sync_answers_(sync_answers) { open(); }

  void open() {
    storage_ = make_rocksdb_storage({.directory = directory_.path().string(), .sync_answers = sync_answers_});
    for (std::size_t i = 0; i < kPartitions; ++i)
      partitions_.push_back(storage_->open(ClusterId{1}, static_cast<PartitionId>(i)));
  }
  void close() {
    partitions_.clear();
    storage_.reset();
  }
  void reopen() {
    close();
    open();
  }

  PartitionStorage& of(std::uint64_t number) { return *partitions_[number % partitions_.size()]; }

  /// Waits where it has to, so that a fill goes as fast as the disk.
  void put(std::uint64_t number, std::string_view key, std::string_view value) {
    const StorageChange change{StorageChange::Kind::put, key, value, number + 1, {}};
    std::promise<void> later;
    if (of(number).apply({&change, 1}, "state", [&later](StorageWritten) { later.set_value(); })) return;
    later.get_future().get();
  }

  void fill(std::uint64_t entries) {
    const std::string value(100, 'v');
    for (std::uint64_t i = 0; i < entries; ++i)
      put(i, key_number(i), value);
  }

 private:
  const bool sync_answers_;
  const testing::TempDirectory directory_;
  std::unique_ptr<Storage> storage_;
  std::vector<std::unique_ptr<PartitionStorage>> partitions_;
};

std::uint64_t any_below(std::uint64_t count, std::uint64_t& state) { return base::split_mix(state) % count; }

/// Of what was written last: it is in memory.
void durable_get_new(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  DurableTable table(true);
  table.fill(entries);
  std::uint64_t random = 1;
  for (auto _ : state) {
    const std::uint64_t number = any_below(entries, random);
    benchmark::DoNotOptimize(table.of(number).get(key_number(number), [](StorageRead) {}));
  }
}

/// From files, all blocks of which are in the cache. `later` counts gets that were not.
void durable_get_cached(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  DurableTable table(true);
  table.fill(entries);
  table.reopen();
  const auto get = [&table](std::uint64_t number) {
    std::promise<void> later;
    if (table.of(number).get(key_number(number), [&later](StorageRead) { later.set_value(); })) return false;
    later.get_future().get();
    return true;
  };
  for (std::uint64_t i = 0; i < entries; ++i)
    get(i);
  std::uint64_t random = 1;
  std::uint64_t later = 0;
  for (auto _ : state)
    later += get(any_below(entries, random)) ? 1 : 0;
  state.counters["later"] = static_cast<double>(later);
}

void durable_get_miss(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  DurableTable table(true);
  table.fill(entries);
  table.reopen();
  std::uint64_t random = 1;
  for (auto _ : state) {
    const std::uint64_t number = entries + any_below(entries, random);
    std::promise<void> later;
    if (!table.of(number).get(key_number(number), [&later](StorageRead) { later.set_value(); }))
      later.get_future().get();
  }
}

/// As a replica writes: it asks for the version first. Not synced; the second argument says whether answers are.
void durable_put(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  DurableTable table(state.range(1) != 0);
  table.fill(entries);
  const std::string value(100, 'w');
  std::uint64_t random = 1;
  for (auto _ : state) {
    const std::uint64_t number = any_below(entries, random);
    const std::string key = key_number(number);
    benchmark::DoNotOptimize(table.of(number).get_version(key, [](StorageRead) {}));
    table.put(number, key, value);
  }
}

/// Writes that are answered when they are synced, so many at a time. An item is a write.
void durable_put_synced(benchmark::State& state) {
  const auto together = static_cast<std::uint64_t>(state.range(0));
  DurableTable table(state.range(1) != 0);
  const std::string value(100, 'w');
  std::uint64_t random = 1;
  for (auto _ : state) {
    std::atomic<std::uint64_t> answered = 0;
    for (std::uint64_t i = 0; i < together; ++i) {
      const std::uint64_t number = any_below(100'000, random);
      table.put(number, key_number(number), value);
      if (table.of(number).sync(SyncFor::answer, [&answered](StorageWritten) {
            ++answered;
            answered.notify_one();
          })) {
        ++answered;
      }
    }
    for (std::uint64_t done = answered; done < together; done = answered)
      answered.wait(done);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void durable_statistics(benchmark::State& state) {
  DurableTable table(true);
  table.fill(1000);
  std::uint64_t number = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(table.of(number++).statistics());
}

void durable_scan(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  DurableTable table(true);
  table.fill(entries);
  table.reopen();
  for (auto _ : state) {
    for (std::size_t i = 0; i < kPartitions; ++i) {
      for (ScanCursor at = 0; at != kScanEnd;) {
        std::promise<ScanCursor> next;
        const auto scanned =
            table.of(i).scan(at, 64 * 1024, [&next](StorageScanned later) { next.set_value(later.chunk.next); });
        at = scanned ? scanned->chunk.next : next.get_future().get();
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// After an orderly close.
void durable_open(benchmark::State& state) {
  DurableTable table(true);
  table.fill(static_cast<std::uint64_t>(state.range(0)));
  for (auto _ : state) {
    state.PauseTiming();
    table.close();
    state.ResumeTiming();
    table.open();
  }
}

BENCHMARK(durable_get_new)->Arg(10'000);
BENCHMARK(durable_get_cached)->Arg(10'000);
BENCHMARK(durable_get_miss)->Arg(10'000);
BENCHMARK(durable_put)->Args({10'000, 1})->Args({10'000, 0});
// Writes together, whether answers are synced.
BENCHMARK(durable_put_synced)->UseRealTime()->Args({1, 1})->Args({16, 1})->Args({256, 1})->Args({1, 0})->Args({256, 0});
BENCHMARK(durable_statistics);
BENCHMARK(durable_scan)->UseRealTime()->Arg(10'000);
BENCHMARK(durable_open)->UseRealTime()->Arg(1000)->Iterations(3);
BENCHMARK(durable_get_new)->Name("large_durable_get_new")->Arg(100'000);
BENCHMARK(durable_get_cached)->Name("large_durable_get_cached")->Arg(100'000)->Arg(1'000'000);
BENCHMARK(durable_get_miss)->Name("large_durable_get_miss")->Arg(100'000)->Arg(1'000'000);
BENCHMARK(durable_put)->Name("large_durable_put")->Args({100'000, 1})->Args({100'000, 0})->Args({1'000'000, 1});
BENCHMARK(durable_scan)->Name("large_durable_scan")->UseRealTime()->Arg(100'000);
BENCHMARK(durable_open)->Name("large_durable_open")->UseRealTime()->Arg(1'000'000)->Iterations(3);

}  // namespace
}  // namespace dht

BENCHMARK_MAIN();
