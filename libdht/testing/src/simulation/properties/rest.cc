#include "rest.h"

#include <algorithm>

#include <fmt/format.h>

namespace dht::testing::simulation {
namespace {

const NodeStatus* find(std::span<const NodeStatus> members, NodeId id) {
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const NodeStatus& member) { return member.id == id; });
  return found == members.end() ? nullptr : &*found;
}

bool serves(const NodeStatus& member, PartitionId partition) {
  return std::find(member.serving.begin(), member.serving.end(), partition) != member.serving.end();
}

/// Why the members do not agree about who they are.
std::optional<std::string> disagreement(std::span<const NodeStatus> members) {
  const ClusterMap& map = *members.front().map;
  for (const NodeStatus& member : members) {
    if (*member.map != map) {
      return fmt::format("{} has revision {} of the map, and {} has {}", members.front().name, map.revision,
                         member.name, member.map->revision);
    }
    if (map.find(member.id) == nullptr) return fmt::format("{} is not in the map", member.name);
  }
  for (const NodeRecord& node : map.nodes) {
    if (node.state != NodeState::active) return fmt::format("{} is still {}", node.name, to_string(node.state));
    if (find(members, node.id) == nullptr) return fmt::format("{} is active and does not run", node.name);
  }
  if (!map.next_voters.empty()) return "the voters are changing";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> unrest(std::span<const NodeStatus> members) {
  if (members.empty()) return "no member runs";
  if (auto reason = disagreement(members)) return reason;
  const ClusterMap& map = *members.front().map;
  for (PartitionId partition = 0; partition < map.partitions.size(); ++partition) {
    const PartitionRecord& record = map.partitions[partition];
    if (!record.learners.empty()) return fmt::format("partition {} is on the move", partition);
    const std::size_t copies = std::min<std::size_t>(map.settings.replicas, members.size());
    if (record.backups.size() + 1 != copies)
      return fmt::format("partition {} has {} copies, not {}", partition, record.backups.size() + 1, copies);
    const NodeStatus& primary = *find(members, record.primary);
    if (!serves(primary, partition))
      return fmt::format("{} does not serve partition {}, which is its own", primary.name, partition);
  }
  return std::nullopt;
}

std::optional<std::string> unevenness(std::span<const NodeStatus> members) {
  const ClusterMap& map = *members.front().map;
  const std::size_t share = map.partitions.size() / members.size();
  const std::size_t backups = std::min<std::size_t>(map.settings.replicas, members.size()) - 1;
  const std::size_t backup_share = map.partitions.size() * backups / members.size();
  for (const NodeStatus& member : members) {
    const auto own = std::count_if(map.partitions.begin(), map.partitions.end(),
                                   [&](const PartitionRecord& record) { return record.primary == member.id; });
    const auto held = static_cast<std::size_t>(own);
    if (held < share || held > share + 1) {
      return fmt::format("{} is primary for {} partitions, of {} that {} members share", member.name, held,
                         map.partitions.size(), members.size());
    }
    std::size_t backed = 0;
    for (const PartitionRecord& record : map.partitions)
      backed += static_cast<std::size_t>(std::count(record.backups.begin(), record.backups.end(), member.id));
    if (backed < backup_share || backed > backup_share + 1) {
      return fmt::format("{} is backup for {} partitions, of {} roles that {} members share", member.name, backed,
                         map.partitions.size() * backups, members.size());
    }
  }
  return std::nullopt;
}

}  // namespace dht::testing::simulation
