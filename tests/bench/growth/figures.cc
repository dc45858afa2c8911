#include "figures.h"

#include <algorithm>
#include <string>

#include <time.h>

namespace dht::growth {

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

NodeRecord make_node(std::size_t number, NodeState state) {
  const std::string name = "node" + std::to_string(number);
  return {.id = {(number + 1) * 0x9e37'79b9'7f4a'7c15U}, .name = name, .address = {name, 9876}, .state = state};
}

ClusterMap make_map(std::size_t nodes, std::uint32_t partitions, std::uint32_t copies) {
  const NodeRecord founder = make_node(0, NodeState::active);
  ClusterMap map = found_cluster(ClusterId{7}, {.partitions = partitions, .replicas = copies}, founder.id, founder.name,
                                 founder.address);
  for (std::size_t i = 1; i < nodes; ++i)
    map.nodes.push_back(make_node(i, NodeState::active));
  const std::size_t most = std::min<std::size_t>(nodes, 5);
  for (std::size_t i = 1; i < most - (most + 1) % 2; ++i)
    map.voters.push_back(map.nodes[i].id);
  std::ranges::sort(map.nodes, {}, &NodeRecord::id);
  const std::vector<cluster::Holding> layout = cluster::plan_layout(holdings(map), members(map), {}, copies);
  for (std::size_t p = 0; p < layout.size(); ++p) {
    map.partitions[p].primary = layout[p].primary;
    map.partitions[p].backups = layout[p].backups;
  }
  return map;
}

std::uint64_t learners_added_by(const ClusterMap& map) {
  std::uint64_t added = 0;
  for (const PartitionRecord& record : map.partitions) {
    added += static_cast<std::uint64_t>(
        std::count_if(record.learners.begin(), record.learners.end(),
                      [&](const LearnerRecord& learner) { return learner.since == map.revision; }));
  }
  return added;
}

std::vector<cluster::Holding> holdings(const ClusterMap& map) {
  std::vector<cluster::Holding> result;
  for (const PartitionRecord& record : map.partitions)
    result.push_back({record.primary, record.backups});
  return result;
}

std::vector<NodeId> members(const ClusterMap& map) {
  std::vector<NodeId> result;
  for (const NodeRecord& node : map.nodes)
    result.push_back(node.id);
  return result;
}

}  // namespace dht::growth
