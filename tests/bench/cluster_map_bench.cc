// Keys to slots, and the cluster map as bytes, checked and changed. Counters: bytes of one encoded map.
#include <cstdint>
#include <random>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include <dht/cluster_map.h>
#include <dht/partitioner.h>

#include "cluster/map_change.h"

namespace dht {

namespace {

ClusterMap even_map(const benchmark::State& state) {
  const auto nodes = static_cast<std::size_t>(state.range(0));
  std::mt19937_64 random(1);
  // Random ids in ascending order.
  auto next_id = [&random, id = std::uint64_t{0}, nodes]() mutable {
    id += 1 + random() % (~std::uint64_t{0} / nodes);
    return NodeId{id};
  };
  ClusterMap map = found_cluster(ClusterId{random() | 1}, {.partitions = static_cast<std::uint32_t>(state.range(1))},
                                 next_id(), "localhost:9000", {"localhost", 9000});
  while (map.nodes.size() < nodes) {
    const auto port = static_cast<std::uint16_t>(9000 + map.nodes.size());
    map.nodes.push_back({next_id(), "localhost:" + std::to_string(port), {"localhost", port}, NodeState::active});
  }
  for (std::size_t p = 0; p < map.partitions.size(); ++p)
    map.partitions[p].primary = map.nodes[p % nodes].id;
  return map;
}

void encode_map(benchmark::State& state) {
  const ClusterMap map = even_map(state);
  for (auto _ : state)
    benchmark::DoNotOptimize(encode(map));
  state.counters["bytes"] = static_cast<double>(encode(map).size());
}
BENCHMARK(encode_map)->Args({10, 1024})->Args({1000, 16384});

void decode_map(benchmark::State& state) {
  const std::string bytes = encode(even_map(state));
  for (auto _ : state)
    benchmark::DoNotOptimize(decode_cluster_map(bytes));
}
BENCHMARK(decode_map)->Args({10, 1024})->Args({1000, 16384});

void check_map(benchmark::State& state) {
  const ClusterMap map = even_map(state);
  for (auto _ : state)
    benchmark::DoNotOptimize(violation(map));
}
BENCHMARK(check_map)->Args({10, 1024})->Args({1000, 16384});

void change_map(benchmark::State& state) {
  const ClusterMap map = even_map(state);
  for (auto _ : state) {
    cluster::MapChange change(map);
    change.add_learner(0, map.nodes[1].id);
    benchmark::DoNotOptimize(std::move(change).finish());
  }
}
BENCHMARK(change_map)->Args({10, 1024})->Args({1000, 16384});

void slot_of_key(benchmark::State& state) {
  const std::string key(static_cast<std::size_t>(state.range(0)), 'k');
  for (auto _ : state)
    benchmark::DoNotOptimize(hash_slot(key));
}
BENCHMARK(slot_of_key)->Arg(16)->Arg(64)->Arg(1024);

}  // namespace

}  // namespace dht

BENCHMARK_MAIN();
