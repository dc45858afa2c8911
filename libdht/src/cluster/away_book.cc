#include "cluster/away_book.h"

#include <algorithm>

namespace dht::cluster {

void AwayBook::note(const ClusterMap& chosen, const MoveInputs& inputs, const ClusterMap& next) {
  const auto is_back = [&](const auto& item) {
    const NodeRecord* node = next.find(item.first);
    const bool is_here = node != nullptr && is_alive(next, item.first, inputs) && !inputs.asides.contains(item.first);
    return node == nullptr || is_here || inputs.now >= item.second.until;
  };
  std::erase_if(away_, is_back);
  if (patience_ == Duration{0}) return;
  for (PartitionId p = 0; p < chosen.partitions.size(); ++p) {
    if (chosen.partitions[p] == next.partitions[p]) continue;
    for (const NodeId node : everybody({chosen.partitions[p].primary, chosen.partitions[p].backups})) {
      const bool goes = inputs.asides.contains(node) || !is_alive(next, node, inputs);
      if (!goes || !inputs.reports.is_durable(node) || holds(next.partitions[p], node)) continue;
      Away& away = away_[node];
      if (away.partitions.empty()) away.until = inputs.now + patience_;
      away.partitions.insert(p);
    }
  }
}

std::optional<Instant> AwayBook::awaited_until(PartitionId partition, const PartitionRecord& record,
                                               const MoveInputs& inputs) const {
  const std::vector<NodeId> holders = everybody({record.primary, record.backups});
  const bool is_going =
      std::any_of(holders.begin(), holders.end(), [&](NodeId node) { return inputs.asides.contains(node); });
  if (is_going && patience_ > Duration{0}) return inputs.now + patience_;
  for (const auto& [node, away] : away_) {
    if (away.partitions.contains(partition)) return away.until;
  }
  return std::nullopt;
}

}  // namespace dht::cluster
