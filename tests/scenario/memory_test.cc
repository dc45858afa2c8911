// A limit of memory: what clients may still do at it, and what goes on without regard to it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <dht/partitioner.h>
#include <dht/testing/cluster.h>

#include "support/cluster_checks.h"

namespace {

using namespace std::chrono_literals;
using dht::Errc;
using dht::NodeOptions;
using dht::testing::Cluster;
using dht::testing::NewProcess;

constexpr std::uint64_t kLimit = 200'000;
constexpr std::uint64_t kForClients = kLimit - kLimit / 10;
constexpr std::size_t kValueBytes = 1000;

/// Members with that limit and values of up to 2000 bytes.
NodeOptions limited(std::uint64_t max_memory_bytes, std::uint32_t replicas = 1) {
  return {.partitions = 64, .replicas = replicas, .max_value_bytes = 2000, .max_memory_bytes = max_memory_bytes};
}

/// A cluster, and a look into the memory of its nodes.
struct World {
  explicit World(std::size_t nodes, const NodeOptions& options)
      : cluster({.nodes = nodes, .node = options, .on_new_process = [this](const NewProcess& process) {
                   if (process.node >= storages.size()) storages.resize(process.node + 1);
                   storages[process.node] = process.parts.storage;
                   return std::shared_ptr<void>();
                 }}) {}

  std::uint64_t memory(std::size_t node) const { return storages[node]->memory_bytes(); }
  std::vector<std::uint64_t> memory_of_all() const {
    std::vector<std::uint64_t> bytes;
    for (std::size_t node = 0; node < storages.size(); ++node) {
      if (cluster.is_running(node)) bytes.push_back(memory(node));
    }
    return bytes;
  }

  std::vector<dht::Storage*> storages{};
  Cluster cluster;
};

std::error_code put(Cluster& cluster, std::size_t node, const std::string& key, const std::string& value) {
  std::error_code error;
  cluster.table(node).put(key, value, error);
  return error;
}

/// Puts until every one of a thousand keys was taken or refused for want of memory; returns those that were taken.
std::vector<std::string> fill_up(Cluster& cluster, std::size_t node) {
  std::vector<std::string> taken;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key" + std::to_string(i);
    const std::error_code error = put(cluster, node, key, std::string(kValueBytes, 'v'));
    if (!error) taken.push_back(key);
    if (error) REQUIRE(error == Errc::out_of_memory);
    if (i % 50 == 0) cluster.run_for(300ms);  // heartbeats
  }
  REQUIRE(taken.size() < 1000);
  return taken;
}

void check_all_there(Cluster& cluster, std::size_t node, const std::vector<std::string>& keys) {
  const std::string value(kValueBytes, 'v');
  for (const std::string& key : keys)
    REQUIRE(scenario::read(cluster, node, key) == value);
}

bool is_primary(Cluster& cluster, std::size_t node, const std::string& key) {
  const dht::HashSlotPartitioner partitioner;
  const dht::ClusterMapPtr map = cluster.node(node).map();
  const auto partition = partitioner.partition_of(key, map->settings.partitions);
  return map->partitions[partition].primary == cluster.node(node).id();
}

/// A key that no test has put and that node `primary` is primary for.
std::string new_key_at(Cluster& cluster, std::size_t primary) {
  for (int i = 0;; ++i) {
    std::string key = "new" + std::to_string(i);
    if (is_primary(cluster, primary, key)) return key;
  }
}

/// Two members with two copies of everything; only the second one has a limit.
struct Pair : World {
  explicit Pair(NodeOptions options) : World(1, options) {
    options.max_memory_bytes = kLimit;
    cluster.add_node(options);
    REQUIRE_FALSE(cluster.join_and_wait(1, 0));
    REQUIRE(cluster.run_until([&] { return cluster.node(0).status().under_replicated == 0; }, 100s));
  }

  /// Puts one more key that the first is primary for, so that the second does not refuse it itself.
  std::error_code put_next() {
    std::string key;
    do {
      key = "key" + std::to_string(next++);
    } while (!is_primary(cluster, 0, key));
    const std::error_code error = put(cluster, 0, key, std::string(kValueBytes, 'v'));
    if (!error) taken.push_back(key);
    return error;
  }

  int next = 0;
  std::vector<std::string> taken{};
};

}  // namespace

TEST_CASE("at the limit a put is refused before anything is done, through every node; reads and erases go on") {
  World world(3, limited(kLimit));
  Cluster& cluster = world.cluster;
  const std::vector<std::string> taken = fill_up(cluster, 0);
  const std::vector<std::uint64_t> memory = world.memory_of_all();
  for (const std::uint64_t bytes : memory) {
    CHECK(bytes <= kForClients);
    CHECK(bytes > kForClients - 2 * kValueBytes);
  }
  for (std::size_t primary = 0; primary < 3; ++primary) {
    const std::string key = new_key_at(cluster, primary);
    for (std::size_t node = 0; node < 3; ++node) {
      CHECK(put(cluster, node, key, std::string(2000, 'x')) == Errc::out_of_memory);
      CHECK(scenario::read(cluster, node, key) == "nothing");
    }
  }
  CHECK(put(cluster, 0, taken.front(), std::string(2000, 'x')) == Errc::out_of_memory);
  CHECK(world.memory_of_all() == memory);
  check_all_there(cluster, 1, taken);

  for (const std::string& key : taken)
    REQUIRE(cluster.table(2).erase(key).existed);
  CHECK(world.memory_of_all() == std::vector<std::uint64_t>(3, 0));
  CHECK_FALSE(put(cluster, 0, taken.front(), "value"));
}

TEST_CASE("a put that had to wait for a lease is judged when its turn comes") {
  World world(3, limited(kLimit));
  Cluster& cluster = world.cluster;
  fill_up(cluster, 0);
  const std::string key = new_key_at(cluster, 2);
  for (const std::size_t other : {std::size_t{0}, std::size_t{1}})
    cluster.network().cut(cluster.address(2), cluster.address(other));
  cluster.run_for(2s);
  REQUIRE_FALSE(cluster.node(2).is_ready());
  std::optional<std::error_code> answer;
  cluster.table(2).put(key, std::string(2000, 'x'),
                       [&](std::error_code error, const dht::WriteResult&) { answer = error; });
  cluster.run_for(100ms);
  REQUIRE_FALSE(answer);
  cluster.network().heal();
  REQUIRE(cluster.run_until([&] { return answer.has_value(); }, 10s));
  CHECK(*answer == Errc::out_of_memory);
  CHECK(scenario::read(cluster, 0, key) == "nothing");
}

TEST_CASE("every node has a limit of its own") {
  World world(1, limited(0));
  Cluster& cluster = world.cluster;
  REQUIRE(cluster.add_node(limited(kLimit)) == 1);
  REQUIRE_FALSE(cluster.join_and_wait(1, 0));
  fill_up(cluster, 0);
  CHECK(world.memory(0) > kLimit);
  CHECK(world.memory(1) <= kForClients);
  CHECK(put(cluster, 1, new_key_at(cluster, 1), std::string(2000, 'x')) == Errc::out_of_memory);
  CHECK_FALSE(put(cluster, 1, new_key_at(cluster, 0), std::string(2000, 'x')));
}

TEST_CASE("a primary without a limit refuses what its full backup would have to keep, until that has room") {
  Pair world(limited(0, 2));
  Cluster& cluster = world.cluster;
  std::error_code error;
  while (!error) {
    error = world.put_next();
    REQUIRE(world.memory(1) < kLimit);
    cluster.run_for(20ms);
  }
  CHECK(error == Errc::out_of_memory);
  CHECK(world.memory(1) > kForClients);
  const std::vector<std::uint64_t> memory = world.memory_of_all();
  for (const std::size_t node : {std::size_t{0}, std::size_t{1}}) {
    const std::string key = new_key_at(cluster, 0);
    CHECK(put(cluster, node, key, "x") == Errc::out_of_memory);
    CHECK(scenario::read(cluster, node, key) == "nothing");
  }
  CHECK(world.memory_of_all() == memory);
  check_all_there(cluster, 1, world.taken);

  for (std::size_t i = 0; i < world.taken.size() / 2; ++i)
    REQUIRE(cluster.table(1).erase(world.taken[i]).existed);
  cluster.run_for(1s);
  CHECK_FALSE(put(cluster, 1, world.taken.front(), std::string(kValueBytes, 'v')));
}

TEST_CASE("a backup tells the leader once that it is full, without waiting for its next heartbeat") {
  NodeOptions options = limited(0, 2);
  options.lease = 60s;  // so the next heartbeat is far
  Pair world(options);
  Cluster& cluster = world.cluster;
  REQUIRE(cluster.node(0).map()->leader == cluster.node(0).id());
  cluster.run_for(1s);  // until what the join leaves to report is told
  int calls = 0;
  cluster.network().set_filter([&](const dht::Address& from, const dht::Address&, dht::Lane lane, dht::Frame) {
    if (lane == dht::Lane::control && from == cluster.address(1)) ++calls;
    return true;
  });
  while (world.memory(1) <= kForClients) {
    REQUIRE(calls == 0);
    REQUIRE_FALSE(world.put_next());
  }
  cluster.run_for(20ms);
  CHECK(calls == 1);
  REQUIRE_FALSE(world.put_next());
  cluster.run_for(20ms);
  CHECK(calls == 1);
}

TEST_CASE("a node joins full members with entries of its own and takes its share, and there is room again") {
  World world(2, limited(kLimit));
  Cluster& cluster = world.cluster;
  std::vector<std::string> taken = fill_up(cluster, 0);
  const std::string refused = new_key_at(cluster, 1);
  REQUIRE(put(cluster, 0, refused, std::string(2000, 'x')) == Errc::out_of_memory);
  REQUIRE(cluster.add_node() == 2);
  for (int i = 0; i < 20; ++i) {
    taken.push_back("brought" + std::to_string(i));
    REQUIRE_FALSE(put(cluster, 2, taken.back(), std::string(kValueBytes, 'v')));
  }
  REQUIRE_FALSE(cluster.join_and_wait(2, 0));
  CHECK(cluster.node(2).status().serving.size() >= 64 / 3);
  check_all_there(cluster, 2, taken);
  CHECK(world.memory(2) > kForClients / 2);
  cluster.run_for(1s);
  CHECK_FALSE(put(cluster, 0, refused, std::string(2000, 'x')));
}

TEST_CASE("copies that were lost are made anew at members that take no puts any more") {
  World world(3, limited(kLimit, 2));
  Cluster& cluster = world.cluster;
  REQUIRE(cluster.run_until([&] { return cluster.node(0).status().under_replicated == 0; }, 10s));
  const std::vector<std::string> taken = fill_up(cluster, 0);
  cluster.run_for(1s);
  const std::string refused = new_key_at(cluster, 0);
  REQUIRE(put(cluster, 0, refused, std::string(2000, 'x')) == Errc::out_of_memory);
  cluster.crash(2);
  // Each of the two holds everything afterwards, half as much again as before and more than its limit.
  REQUIRE(cluster.run_until(
      [&] {
        const dht::NodeStatus status = cluster.node(0).status();
        return status.healthy == 64 && world.memory(0) > kLimit && world.memory(1) > kLimit;
      },
      60s));
  check_all_there(cluster, 0, taken);
  CHECK(put(cluster, 1, refused, "x") == Errc::out_of_memory);
}
