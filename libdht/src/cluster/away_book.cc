#include "cluster/away_book.h"

#include <algorithm>

namespace dht::cluster {
namespace {

bool is_lost(NodeId backup, PartitionId partition, const ClusterMap& map, const ReportBook& reports) {
  const PartitionReport* report = reports.find(map.partitions[partition].primary, partition);
  return report != nullptr && contains(report->lost_backups, backup);
}

}  // namespace

/// Whoever was lost a moment ago may count as alive, and yet be gone.
bool AwayBook::is_here(NodeId node, const Away& away, const ClusterMap& map, const MoveInputs& inputs) const {
  return is_target(map, node, inputs) && inputs.now - away.since > lease_;
}

void AwayBook::note(const ClusterMap& chosen, const MoveInputs& inputs, const ClusterMap& next) {
  std::erase_if(away_, [&](const auto& item) {
    const bool is_over = inputs.now - item.second.since >= patience_ || next.find(item.first) == nullptr;
    return is_over || is_here(item.first, item.second, next, inputs);
  });
  if (patience_ == Duration{0}) return;
  for (PartitionId p = 0; p < chosen.partitions.size(); ++p) {
    const PartitionRecord& before = chosen.partitions[p];
    if (before == next.partitions[p]) continue;
    for (const NodeId node : everybody({before.primary, before.backups})) {
      if (next.partitions[p].is_held_by(node) || !inputs.reports.is_durable(node)) continue;
      const bool goes =
          inputs.asides.contains(node) || !is_alive(next, node, inputs) || is_lost(node, p, chosen, inputs.reports);
      if (!goes) continue;
      const auto [place, is_new] = away_.try_emplace(node);
      if (is_new) place->second.since = inputs.now;
      place->second.partitions.insert(p);
    }
  }
}

std::optional<Instant> AwayBook::awaited_until(PartitionId partition, const ClusterMap& map,
                                               const MoveInputs& inputs) const {
  const PartitionRecord& record = map.partitions[partition];
  const std::vector<NodeId> holders = everybody({record.primary, record.backups});
  const bool is_going =
      std::any_of(holders.begin(), holders.end(), [&](NodeId node) { return inputs.asides.contains(node); });
  if (is_going && patience_ > Duration{0}) return inputs.now + patience_;
  for (const auto& [node, away] : away_) {
    if (!away.partitions.contains(partition) || is_here(node, away, map, inputs)) continue;
    return is_target(map, node, inputs) ? away.since + lease_ : away.since + patience_;
  }
  return std::nullopt;
}

}  // namespace dht::cluster
