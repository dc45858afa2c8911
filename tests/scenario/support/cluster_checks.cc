#include "support/cluster_checks.h"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

namespace scenario {

std::string read(dht::testing::Cluster& cluster, std::size_t node, std::string_view key) {
  const auto entry = cluster.table(node).get(key);
  return entry ? std::string(entry->value.view()) : "nothing";
}

void fill(dht::testing::Cluster& cluster, std::size_t node, const std::string& prefix, int count) {
  for (int i = 0; i < count; ++i)
    cluster.table(node).put(prefix + std::to_string(i), "v");
}

std::vector<std::string> listed_keys(dht::testing::Cluster& cluster, std::size_t node) {
  std::vector<std::string> keys;
  dht::KeyCursor cursor;
  while (!cursor.at_end) {
    std::optional<std::error_code> answer;
    cluster.node(node).list_keys(cursor, 64, [&](std::error_code error, dht::KeyPage page) {
      answer = error;
      keys.insert(keys.end(), page.keys.begin(), page.keys.end());
      cursor = page.next;
    });
    cluster.run_until([&] { return answer.has_value(); });
    if (*answer) return keys;
  }
  return keys;
}

std::size_t leader_of(dht::testing::Cluster& cluster, std::size_t seen_by) {
  const dht::ClusterMapPtr map = cluster.node(seen_by).status().map;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (cluster.is_running(i) && cluster.node(i).id() == map->leader) return i;
  }
  return cluster.size();
}

std::optional<dht::NodeState> state_of(dht::testing::Cluster& cluster, std::size_t seen_by, std::size_t i) {
  for (const auto& member : cluster.node(seen_by).status().members) {
    if (member.name == "node" + std::to_string(i)) return member.state;
  }
  return std::nullopt;
}

bool is_down(dht::testing::Cluster& cluster, std::size_t seen_by, std::size_t i) {
  return state_of(cluster, seen_by, i) == dht::NodeState::down;
}

std::string trouble(dht::testing::Cluster& cluster, const std::vector<std::size_t>& nodes) {
  const dht::ClusterMapPtr map = cluster.node(nodes.front()).status().map;
  if (auto broken = violation(*map)) return *broken;
  if (map->nodes.size() != nodes.size())
    return fmt::format("{} members instead of {}", map->nodes.size(), nodes.size());
  std::map<dht::NodeId, std::size_t> held;
  for (const auto& partition : map->partitions) {
    ++held[partition.primary];
    if (!partition.learners.empty()) return "a partition has a learner";
  }
  std::set<std::string> seen;
  const std::size_t least = map->partitions.size() / nodes.size();
  for (const std::size_t node : nodes) {
    if (*cluster.node(node).status().map != *map) return fmt::format("node {} has another map", node);
    const std::size_t share = held[cluster.node(node).id()];
    if (share < least || share > least + 1) return fmt::format("node {} has {} partitions", node, share);
    for (const std::string& key : listed_keys(cluster, node)) {
      if (!seen.insert(key).second) return fmt::format("{} is listed twice", key);
    }
  }
  return "";
}

}  // namespace scenario
