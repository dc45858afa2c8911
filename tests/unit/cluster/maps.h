// Maps for the tests of this folder.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <dht/cluster_map.h>

namespace dht::testing {

/// Node k of a test: id k, name "n<k>".
inline NodeRecord node_record(std::uint64_t k, NodeState state = NodeState::active) {
  return {NodeId{k}, "n" + std::to_string(k), {"host" + std::to_string(k), 9876}, state};
}

/// Nodes 1 to `nodes`, active, sharing `partitions` in turns; node 1 leads, and the first ones are the voters.
inline ClusterMap even_map(std::uint32_t nodes, std::uint32_t partitions) {
  ClusterMap map = found_cluster(ClusterId{77}, {.partitions = partitions}, NodeId{1}, "n1", {"host1", 9876});
  for (std::uint64_t k = 2; k <= nodes; ++k)
    map.nodes.push_back(node_record(k));
  for (std::uint64_t k = 2; k <= (nodes % 2 == 1 ? nodes : nodes - 1) && k <= 5; ++k)
    map.voters.push_back(NodeId{k});
  for (std::uint32_t p = 0; p < partitions; ++p)
    map.partitions[p].primary = NodeId{1 + p % nodes};
  return map;
}

/// A sound map of any shape: random ids, states, several voters, backups and learners.
inline ClusterMap random_map(std::mt19937_64& random, std::size_t most_nodes = 12) {
  ClusterMap map{
      .cluster = {random() | 1},
      .revision = 1 + (random() >> (random() % 64)),
      .settings = {.partitions = 1u << (random() % 8), .replicas = 1 + static_cast<std::uint32_t>(random() % 4)},
      .leader = {},
      .generation = random() % 1000,
      .voters = {},
      .nodes = {},
      .partitions = {}};
  std::vector<NodeId> holders;
  std::uint64_t id = 0;
  for (std::size_t n = 1 + random() % most_nodes; n > 0; --n) {
    id += 1 + random() % (std::uint64_t{1} << (random() % 58));
    NodeRecord node = node_record(id, static_cast<NodeState>(random() % 4));
    if (holders.empty() && n == 1) node.state = NodeState::active;
    if (node.state != NodeState::joining) holders.push_back(node.id);
    map.nodes.push_back(std::move(node));
  }
  const auto some_of_them = [&] {
    std::shuffle(holders.begin(), holders.end(), random);
    return holders.begin() + 1 + static_cast<std::ptrdiff_t>(random() % holders.size());
  };
  map.voters.assign(holders.begin(), some_of_them());
  map.leader = map.voters.front();
  if (random() % 2 == 0) map.next_voters.assign(holders.begin(), some_of_them());
  for (std::uint32_t p = 0; p < map.settings.partitions; ++p) {
    const auto end = some_of_them();
    PartitionRecord& partition = map.partitions.emplace_back();
    partition.epoch = 1 + (random() >> (random() % 64));
    partition.primary_since = 1 + random() % partition.epoch;
    partition.empty_from = 1 + random() % partition.primary_since;
    if (random() % 2 == 0) partition.floor = random() >> (1 + random() % 63);
    partition.primary = holders.front();
    for (auto node = holders.begin() + 1; node != end; ++node) {
      if (random() % 2 == 0) {
        partition.backups.push_back(*node);
      } else {
        partition.learners.push_back({*node, random() % (map.revision + 1)});
      }
    }
  }
  return map;
}

}  // namespace dht::testing
