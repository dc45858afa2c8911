// The memory storage: time per operation, memory per entry, and the longest pause while one partition grows.
//
// "large" ones take seconds and up to a gigabyte.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <dht/storage.h>

#include "base/hash.h"

namespace dht {
namespace {

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kValueBytes = 100;

/// Key number `number`: 16 bytes that are spread over the key space.
std::string key_number(std::uint64_t number) {
  const std::uint64_t second = base::split_mix(number);
  std::string key(kKeyBytes, '\0');
  std::memcpy(key.data(), &number, 8);
  std::memcpy(key.data() + 8, &second, 8);
  return key;
}

/// One storage with some partitions; key number i lies in partition i modulo their number.
class Table {
 public:
  explicit Table(std::size_t partitions) : storage_(make_memory_storage(1)) {
    for (std::size_t i = 0; i < partitions; ++i) {
      partitions_.push_back(storage_->open(ClusterId{1}, static_cast<PartitionId>(i)));
    }
  }

  PartitionStorage& of(std::uint64_t number) { return *partitions_[number % partitions_.size()]; }

  void put(std::uint64_t number, std::string_view key, std::string_view value) {
    const StorageChange change{StorageChange::Kind::put, key, value, number + 1, {}};
    benchmark::DoNotOptimize(of(number).apply({&change, 1}, {}, nullptr));
  }

  void fill(std::uint64_t entries) {
    const std::string value(kValueBytes, 'v');
    for (std::uint64_t i = 0; i < entries; ++i)
      put(i, key_number(i), value);
  }

 private:
  std::unique_ptr<Storage> storage_;
  std::vector<std::unique_ptr<PartitionStorage>> partitions_;
};

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// This thread's processor time, which leaves out what other programs on the machine take.
std::uint64_t thread_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

/// Numbers below `count`, in an order that no cache likes.
std::uint64_t any_below(std::uint64_t count, std::uint64_t& state) { return base::split_mix(state) % count; }

void get_hit(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  Table table(static_cast<std::size_t>(state.range(1)));
  table.fill(entries);
  std::uint64_t random = 1;
  for (auto _ : state) {
    const std::uint64_t number = any_below(entries, random);
    benchmark::DoNotOptimize(table.of(number).get(key_number(number), nullptr));
  }
}

/// Sixteen at a time, each expected first, as a node does for requests that came together.
void get_expected(benchmark::State& state) {
  constexpr std::size_t kTogether = 16;
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  Table table(static_cast<std::size_t>(state.range(1)));
  table.fill(entries);
  std::uint64_t random = 1;
  std::array<std::uint64_t, kTogether> numbers{};
  std::array<std::string, kTogether> keys;
  std::array<PartitionStorage::ExpectedKey, kTogether> expected;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kTogether; ++i) {
      numbers[i] = any_below(entries, random);
      keys[i] = key_number(numbers[i]);
      expected[i] = {.key = keys[i]};
    }
    for (unsigned step = 0; step < PartitionStorage::kExpectSteps; ++step) {
      for (std::size_t i = 0; i < kTogether; ++i)
        table.of(numbers[i]).expect(expected[i], step);
    }
    for (std::size_t i = 0; i < kTogether; ++i)
      benchmark::DoNotOptimize(table.of(numbers[i]).get(keys[i], nullptr));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kTogether));
}

void get_miss(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  Table table(static_cast<std::size_t>(state.range(1)));
  table.fill(entries);
  std::uint64_t random = 1;
  for (auto _ : state) {
    const std::uint64_t number = entries + any_below(entries, random);
    benchmark::DoNotOptimize(table.of(number).get(key_number(number), nullptr));
  }
}

void put_over(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  Table table(static_cast<std::size_t>(state.range(1)));
  table.fill(entries);
  const std::string value(kValueBytes, 'w');
  std::uint64_t random = 1;
  for (auto _ : state) {
    const std::uint64_t number = any_below(entries, random);
    table.put(number, key_number(number), value);
  }
}

/// Fills an empty table. `bytes_per_entry` is what the allocator has handed out for it, with the allocator's own
/// overhead; `resident_per_entry` means something where nothing else ran before in the process.
void put_new(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    malloc_trim(0);  // else what earlier rounds left would be used again and not be seen
    const std::size_t before = mallinfo2().uordblks;
    const std::size_t resident_before = resident_bytes();
    auto table = std::make_unique<Table>(static_cast<std::size_t>(state.range(1)));
    state.ResumeTiming();
    table->fill(entries);
    state.PauseTiming();
    const auto per_entry = [entries](std::size_t bytes) {
      return static_cast<double>(bytes) / static_cast<double>(entries);
    };
    state.counters["bytes_per_entry"] = per_entry(mallinfo2().uordblks - before);
    state.counters["resident_per_entry"] = per_entry(resident_bytes() - resident_before);
    table.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// The slowest puts while one partition grows from nothing.
void longest_put(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  const std::string value(kValueBytes, 'v');
  std::vector<std::uint32_t> took(entries);
  for (auto _ : state) {
    Table table(1);
    for (std::uint64_t i = 0; i < entries; ++i) {
      const std::string key = key_number(i);
      const std::uint64_t start = thread_nanoseconds();
      table.put(i, key, value);
      took[i] = static_cast<std::uint32_t>(thread_nanoseconds() - start);
    }
  }
  std::ranges::sort(took);
  const auto from_top = [&](std::uint64_t rank) { return static_cast<double>(took[entries - 1 - rank]) / 1000; };
  state.counters["max_us"] = from_top(0);
  state.counters["tenth_us"] = from_top(9);
  state.counters["p99.99_us"] = from_top(entries / 10'000);
  state.counters["p99.9_us"] = from_top(entries / 1000);
  state.counters["p50_us"] = from_top(entries / 2);
}

void scan_all(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  Table table(1);
  table.fill(entries);
  for (auto _ : state) {
    for (ScanCursor at = 0; at != kScanEnd;) {
      const std::optional<StorageScanned> scanned = table.of(0).scan(at, 64 * 1024, nullptr);
      at = scanned->chunk.next;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// Entries, partitions.
BENCHMARK(get_hit)->Args({1000, 1})->Args({100'000, 128});
BENCHMARK(get_expected)->Args({1000, 1})->Args({100'000, 128});
BENCHMARK(get_miss)->Args({1000, 1})->Args({100'000, 128});
BENCHMARK(put_over)->Args({1000, 1})->Args({100'000, 128});
BENCHMARK(put_new)->Args({100'000, 128});
BENCHMARK(longest_put)->Arg(100'000)->Iterations(1);
BENCHMARK(scan_all)->Arg(100'000);
BENCHMARK(get_hit)->Name("large_get_hit")->Args({1'000'000, 1024})->Args({5'000'000, 1});
BENCHMARK(get_expected)->Name("large_get_expected")->Args({1'000'000, 1024})->Args({5'000'000, 1});
BENCHMARK(get_miss)->Name("large_get_miss")->Args({1'000'000, 1024})->Args({5'000'000, 1});
BENCHMARK(put_over)->Name("large_put_over")->Args({1'000'000, 1024})->Args({5'000'000, 1});
BENCHMARK(put_new)->Name("large_put_new")->Args({1'000'000, 1024})->Args({5'000'000, 1})->Iterations(1);
BENCHMARK(longest_put)->Name("large_longest_put")->Arg(5'000'000)->Iterations(1);

}  // namespace
}  // namespace dht

BENCHMARK_MAIN();
