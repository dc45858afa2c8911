#include "cluster/map_news.h"

#include <algorithm>

#include <fmt/format.h>

#include "cluster/scene.h"

namespace dht::cluster {
namespace {

auto count_members(const ClusterMap& map) {
  return std::count_if(map.nodes.begin(), map.nodes.end(), [](const NodeRecord& node) { return is_member(&node); });
}

auto count_moving(const ClusterMap& map) {
  return std::count_if(map.partitions.begin(), map.partitions.end(),
                       [](const PartitionRecord& partition) { return !partition.learners.empty(); });
}

/// What becomes of the partitions of a primary that is down.
std::string fate_of_partitions(NodeId primary, const ClusterMap& map) {
  const std::uint64_t all = primaries_of(map, primary);
  if (all == 0) return "it was primary for nothing";
  const auto alone = static_cast<std::uint64_t>(
      std::count_if(map.partitions.begin(), map.partitions.end(), [primary](const PartitionRecord& partition) {
        return partition.primary == primary && partition.backups.empty();
      }));
  if (alone == all) return fmt::format("the {} partitions that it holds are unserved until it speaks again", all);
  std::string fate = fmt::format("backups take over {} partitions that it was primary for", all - alone);
  if (alone > 0) fate += fmt::format("; {} more have none and are unserved until it speaks again", alone);
  return fate;
}

/// The line is empty where nothing has happened to the node.
News news_of(const NodeRecord& node, const NodeRecord* before, const ClusterMap& after) {
  const bool was_down = before != nullptr && before->state == NodeState::down;
  if (node.state == NodeState::down) {
    if (was_down) return {};
    return {LogLevel::warning, fmt::format("{} at {} is gone: {}", node.name, to_string(node.address),
                                           fate_of_partitions(node.id, after))};
  }
  if (!is_member(&node) || is_member(before)) return {};
  return {.line = fmt::format("{} at {} {}: {} members", node.name, to_string(node.address),
                              was_down ? "is back" : "has joined", count_members(after))};
}

}  // namespace

std::vector<News> news(const ClusterMap& before, const ClusterMap& after, NodeId self) {
  std::vector<News> news;
  for (const NodeRecord& node : after.nodes) {
    News of_node = news_of(node, before.find(node.id), after);
    if (!of_node.line.empty() && node.id != self) news.push_back(std::move(of_node));
  }
  for (const NodeRecord& node : before.nodes) {
    const bool has_left = node.state != NodeState::joining && after.find(node.id) == nullptr;
    if (has_left && node.id != self) {
      news.push_back({.line = fmt::format("{} has left: {} members", node.name, count_members(after))});
    }
  }
  if (after.leader != before.leader)
    news.push_back({.line = fmt::format("{} leads the cluster", after.find(after.leader)->name)});
  const auto moving = count_moving(after);
  if (moving > 0 && count_moving(before) == 0) news.push_back({.line = "partitions begin to move"});
  if (moving == 0 && count_moving(before) > 0) {
    news.push_back({.line = fmt::format("partitions have moved: this node is primary for {} of {}",
                                        primaries_of(after, self), after.partitions.size())});
  }
  return news;
}

}  // namespace dht::cluster
