#include "no_lease_while_down.h"

#include <fmt/format.h>

namespace dht::testing::simulation {

void DownBook::adopt(const ClusterMap& newest) {
  // One that is in no map any more may have been active in those that nobody was seen to have, and have left.
  const bool has_seen_all = newest.revision == revision_ + 1;
  if (!has_seen_all) std::erase_if(down_, [&](NodeId id) { return newest.find(id) == nullptr; });
  revision_ = newest.revision;
  for (const NodeRecord& node : newest.nodes) {
    if (node.state == NodeState::down) {
      down_.insert(node.id);
    } else {
      down_.erase(node.id);
    }
  }
}

std::optional<std::string> DownBook::down_with_lease(std::span<const Holder> holders) const {
  for (const Holder& holder : holders) {
    if (!down_.contains(holder.id)) continue;
    return fmt::format("{} holds a lease, and was called down, as of revision {}", holder.node, revision_);
  }
  return std::nullopt;
}

}  // namespace dht::testing::simulation
