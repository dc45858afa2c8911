#include "cluster/liveness.h"

#include <algorithm>

namespace dht::cluster {

Liveness::Liveness(NodeId self, Duration silence_limit, const ClusterMap& map, Instant now)
    : self_(self), limit_(silence_limit), last_event_(now), earliest_death_(now + silence_limit) {
  adopt(map, now);
}

bool Liveness::hear(NodeId node, Instant now) {
  const bool was_alive = is_alive(node, now);
  heard_[node] = now;
  earliest_death_ = std::min(earliest_death_, now + limit_);
  return !was_alive;
}

bool Liveness::pass(Instant now) {
  const Duration gap = now - last_event_;
  last_event_ = now;
  if (gap > limit_ / 2) {
    for (auto& [node, at] : heard_)
      at = at + gap;
    earliest_death_ = earliest_death_ + gap;
  }
  if (now <= earliest_death_) return false;
  earliest_death_ = now + limit_;
  for (const auto& [node, at] : heard_) {
    if (is_alive(node, now)) earliest_death_ = std::min(earliest_death_, at + limit_);
  }
  return true;
}

void Liveness::adopt(const ClusterMap& map, Instant now) {
  std::erase_if(heard_,
                [&](const auto& entry) { return map.find(entry.first) == nullptr && !is_alive(entry.first, now); });
  for (const NodeRecord& node : map.nodes)
    heard_.try_emplace(node.id, now);
  earliest_death_ = std::min(earliest_death_, now + limit_);
}

bool Liveness::is_alive(NodeId node, Instant now) const {
  if (node == self_) return true;
  const auto heard = heard_.find(node);
  return heard != heard_.end() && now - heard->second <= limit_;
}

}  // namespace dht::cluster
