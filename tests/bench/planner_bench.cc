// How long it takes to plan a cluster's moves: when one node joins an even cluster, and when nothing is to be done.
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "cluster/planner.h"

namespace dht::cluster {

namespace {

std::vector<NodeId> random_nodes(std::size_t count) {
  std::mt19937_64 random(1);
  std::vector<NodeId> nodes(count);
  for (NodeId& node : nodes)
    node = {random() | 1};
  return nodes;
}

std::vector<NodeId> held_evenly(std::size_t partitions, const std::vector<NodeId>& nodes) {
  std::vector<NodeId> holders(partitions);
  for (std::size_t p = 0; p < partitions; ++p)
    holders[p] = nodes[p % nodes.size()];
  return holders;
}

void plan_even(benchmark::State& state) {
  const std::vector<NodeId> members = random_nodes(static_cast<std::size_t>(state.range(0)));
  const std::vector<NodeId> holders = held_evenly(static_cast<std::size_t>(state.range(1)), members);
  for (auto _ : state)
    benchmark::DoNotOptimize(plan_moves(holders, members, {}));
}
BENCHMARK(plan_even)->Args({10, 1024})->Args({1000, 16384});

void plan_join(benchmark::State& state) {
  std::vector<NodeId> members = random_nodes(static_cast<std::size_t>(state.range(0)));
  const NodeId newcomer = members.back();
  members.pop_back();
  const std::vector<NodeId> holders = held_evenly(static_cast<std::size_t>(state.range(1)), members);
  members.push_back(newcomer);
  for (auto _ : state)
    benchmark::DoNotOptimize(plan_moves(holders, members, {}));
}
BENCHMARK(plan_join)->Args({10, 1024})->Args({1000, 16384});

void plan_from_one_holder(benchmark::State& state) {
  const std::vector<NodeId> members = random_nodes(static_cast<std::size_t>(state.range(0)));
  const std::vector<NodeId> holders(static_cast<std::size_t>(state.range(1)), members.front());
  for (auto _ : state)
    benchmark::DoNotOptimize(plan_moves(holders, members, {}));
}
BENCHMARK(plan_from_one_holder)->Args({10, 1024})->Args({1000, 16384});

}  // namespace

}  // namespace dht::cluster

BENCHMARK_MAIN();
