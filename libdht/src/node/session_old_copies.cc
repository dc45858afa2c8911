// What a session does with copies that the map gives this node no more, from before it was restarted or missed.

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "node/session.h"

namespace dht::node {

using replica::Replica;

namespace {

/// After that a copy that the leader had a use for would have been asked for.
constexpr Duration kUntilUseless = std::chrono::seconds(5);

}  // namespace

bool Session::is_old_copy(const Slot& slot, const ClusterMap& map, PartitionId partition) const {
  if (!slot.replica || slot.replica->role() != Replica::Role::learner || !slot.replica->is_complete()) return false;
  if (slot.replica->since() > map.revision) return false;  // a newer map has a use for it
  const PartitionRecord& record = map.partitions[partition];
  return !record.has_learner(parts_.self) && !record.is_held_by(parts_.self);
}

/// A plan of the leader's may be long; whoever is still to get partitions then has them moving.
void Session::drop_old_copies(Instant now) {
  if (!is_coming_back_ || !parts_.membership->may_serve(now)) return settled_since_.reset();
  const ClusterMapPtr map = this->map();
  if (!back_since_) back_since_ = now;
  // Until then primaries that have lost this node may ask the leader to take it out.
  if (now - *back_since_ > 2 * std::chrono::milliseconds(map->settings.lease_ms)) keeps_what_it_loses_ = false;
  const auto members = static_cast<std::size_t>(std::count_if(
      map->nodes.begin(), map->nodes.end(), [](const NodeRecord& node) { return node.state == NodeState::active; }));
  const std::size_t copies = std::min<std::size_t>(map->settings.replicas, members);
  const auto is_settled = [copies](const PartitionRecord& record) {
    return record.learners.empty() && record.backups.size() + 1 >= copies;
  };
  if (!std::all_of(map->partitions.begin(), map->partitions.end(), is_settled)) return settled_since_.reset();
  if (!settled_since_) settled_since_ = now;
  if (now - *settled_since_ < kUntilUseless) return;
  is_coming_back_ = false;
  settled_since_.reset();
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    std::unique_ptr<Replica> dropped;
    {
      Slot& slot = this->slot(partition);
      std::lock_guard lock(slot.mutex);
      if (is_old_copy(slot, *map, partition)) dropped = give_up(partition, slot);
    }
    close_and_drop(partition, std::move(dropped));
  }
}

}  // namespace dht::node
