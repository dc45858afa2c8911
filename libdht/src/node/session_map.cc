// How a session follows the cluster's map.

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "node/session.h"

namespace dht::node {

using replica::Replica;

namespace {

bool has_joining(const ClusterMap& map) {
  return std::any_of(map.nodes.begin(), map.nodes.end(),
                     [](const NodeRecord& node) { return node.state == NodeState::joining; });
}

bool is_down(const ClusterMap& map, NodeId id) {
  const NodeRecord* node = map.find(id);
  return node != nullptr && node->state == NodeState::down;
}

bool is_active(const ClusterMap& map, NodeId id) {
  const NodeRecord* node = map.find(id);
  return node != nullptr && node->state == NodeState::active;
}

bool begins_empty(const PartitionRecord& record, NodeId id) {
  return record.primary == id && record.empty_from == record.epoch;
}

}  // namespace

void Session::adopt(ClusterMapPtr map) {
  const ClusterMapPtr before = this->map();
  DHT_ASSERT(map->cluster == cluster_);
  if (map->revision <= before->revision) return;
  {
    std::lock_guard lock(map_mutex_);
    map_ = map;
  }
  if (is_down(*map, parts_.self)) {
    is_coming_back_ = keeps_what_it_loses_ = true;
    back_since_.reset();
  }
  note_former_members(*before, *map);
  const bool nobody_joins = !has_joining(*map);
  const bool same_nodes = map->nodes == before->nodes;
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    const bool is_news = !same_nodes || map->partitions[partition] != before->partitions[partition];
    adopt_slot(partition, *map, is_news, nobody_joins);
  }
  // The leader waits to hear what it has kept.
  if (is_down(*before, parts_.self) && !is_down(*map, parts_.self)) parts_.membership->report_within(Duration::zero());
}

void Session::adopt_slot(PartitionId partition, const ClusterMap& map, bool is_news, bool nobody_joins) {
  const PartitionRecord& record = map.partitions[partition];
  replica::Effects effects;
  std::vector<OperationId> parked;
  std::vector<ParkedRequest> requests;
  std::unique_ptr<Replica> dropped;
  bool is_kept_in_vain = false;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    slot.revision = map.revision;
    // A learner may have come between two maps that say the same of the partition, and neither of them of the learner.
    const bool learns = slot.replica && slot.replica->role() == Replica::Role::learner;
    if (is_news || learns) {
      slot.primary = is_down(map, record.primary) ? NodeId{} : record.primary;
      is_kept_in_vain = slot.kept && (is_active(map, parts_.self) || begins_empty(record, parts_.self));
      follow_record(partition, slot, map, record, effects, dropped);
    }
    if (slot.replica && nobody_joins) slot.replica->forget_merges(map.revision);
    if (slot.replica) send_pieces(slot, effects);
    if (!paused_) {
      parked = std::exchange(slot.parked, {});
      requests = std::exchange(slot.parked_requests, {});
    }
  }
  // It would grow old where this node stays after all, and is void where its loss was accepted.
  if (is_kept_in_vain) drop_kept(partition);
  close_and_drop(partition, std::move(dropped));
  answer(effects);
  rerun(parked, requests);
}

void Session::rerun(const std::vector<OperationId>& parked, const std::vector<ParkedRequest>& requests) {
  for (const OperationId id : parked)
    route(id);
  for (const ParkedRequest& request : requests) {
    serve_request(request.from, request.type, request.payload, *wire::decode_request_header(request.payload));
  }
}

void Session::follow_record(PartitionId partition, Slot& slot, const ClusterMap& map, const PartitionRecord& record,
                            replica::Effects& effects, std::unique_ptr<Replica>& dropped) {
  const bool learns = slot.replica && slot.replica->role() == Replica::Role::learner;
  // A stream may run ahead of the map that announced it: what older maps say of the partition is over, even that it is
  // this node's.
  if (learns && slot.replica->since() > map.revision) return;
  if (slot.replica && slot.replica->primary_since() > record.primary_since) return;
  if (record.primary == parts_.self) {
    const bool is_behind = !slot.replica || slot.replica->primary_since() < record.primary_since;
    if (begins_empty(record, parts_.self) && is_behind) return begin_empty(partition, slot, record, effects, dropped);
    if (!slot.replica) {
      return complain_of_role(partition, "primary");
    }
    if (is_behind) {
      slot.replica->serve(record, effects);
    } else if (slot.replica->role() != Replica::Role::primary) {
      slot.replica->come_back(record, effects);
    } else {
      slot.replica->configure(record, effects);
    }
    for (const NodeId backup : record.backups) {
      if (is_down(map, backup)) slot.replica->give_up_backup(backup, effects);
    }
    return;
  }
  const bool is_backup = record.has_backup(parts_.self);
  if (is_backup && slot.replica) return slot.replica->back_up(record, is_down(map, record.primary), effects);
  if (is_backup) {
    return complain_of_role(partition, "a backup");
  }
  if (!slot.replica) return;
  if (learns && record.has_learner(parts_.self)) return;  // and waits for its stream
  const NodeRecord* self = map.find(parts_.self);
  const bool was_primary = slot.replica->role() == Replica::Role::primary;
  const bool keep = was_primary && (self == nullptr || self->state == NodeState::leaving);
  if (keep && !(slot.replica->is_drained() && slot.replica->is_idle())) {
    // It was taken away without being handed over, since its loss was accepted: it is kept once it is drained.
    slot.replica->stop_alone(effects);
  } else if (keep) {
    keep_storage(slot);
  } else if (may_be_of_use(*slot.replica)) {
    slot.replica->set_aside(effects);
  } else {
    slot.replica->depose(effects);
    dropped = give_up(partition, slot);
  }
}

void Session::complain_of_role(PartitionId partition, std::string_view role) const {
  if (!parts_.membership->may_serve(parts_.scheduler->now())) return;
  log(LogLevel::error, fmt::format("partition {}: the map names this node {}, but it has no copy; the partition is not "
                                   "served here",
                                   partition, role));
}

/// Its loss was accepted: whatever is here of it, from a learner or from an earlier stay, goes first.
void Session::begin_empty(PartitionId partition, Slot& slot, const PartitionRecord& record, replica::Effects& effects,
                          std::unique_ptr<Replica>& dropped) {
  if (slot.replica) dropped = give_up(partition, slot);
  if (slot.kept || parts_.drops->is_under_way(cluster_, partition)) {
    std::lock_guard lock(mutex_);
    beginnings_.insert(partition);
    return;
  }
  slot.replica = make_replica(partition);
  slot.replica->raise_clock(record.floor);
  slot.replica->serve(record, effects);
}

void Session::retry_beginnings() {
  std::set<PartitionId> waiting;
  {
    std::lock_guard lock(mutex_);
    waiting = std::exchange(beginnings_, {});
  }
  const ClusterMapPtr map = this->map();
  const bool nobody_joins = !waiting.empty() && !has_joining(*map);
  for (const PartitionId partition : waiting)
    adopt_slot(partition, *map, true, nobody_joins);
}

/// Of a drained primary or a backup that follows nobody any more: nothing is under way at its storage.
void Session::keep_storage(Slot& slot) {
  slot.kept = std::move(*slot.replica).release();
  slot.replica.reset();
}

std::unique_ptr<Replica> Session::give_up(PartitionId partition, Slot& slot) {
  parts_.drops->announce(cluster_, partition);
  return std::move(slot.replica);
}

/// Without the slot's lock: closing may wait for a completion under way, and dropping a large partition takes a while.
/// A storage that is busy is closed all the same; nobody waits for what it was doing.
void Session::close_and_drop(PartitionId partition, std::unique_ptr<Replica> replica) {
  if (!replica) return;
  replica.reset();
  parts_.drops->drop(cluster_, partition);
}

PartitionStorage* Session::kept(PartitionId partition, Kept kept) {
  Slot& slot = this->slot(partition);
  std::lock_guard lock(slot.mutex);
  // Handed over, but the map that says so has not come here: the leader's answer was quicker.
  const bool was_primary = slot.replica && slot.replica->role() == Replica::Role::primary;
  const bool was_backup = slot.replica && slot.replica->role() == Replica::Role::backup;
  if (was_primary || (was_backup && kept == Kept::entries)) keep_storage(slot);
  return slot.kept.get();
}

void Session::drop_kept(PartitionId partition) {
  std::unique_ptr<PartitionStorage> closing;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    parts_.drops->announce(cluster_, partition);
    closing = std::move(slot.kept);
  }
  closing.reset();
  parts_.drops->drop(cluster_, partition);
}

void Session::note_former_members(const ClusterMap& before, const ClusterMap& after) {
  std::lock_guard lock(mutex_);
  for (const NodeRecord& node : before.nodes) {
    if (node.id != parts_.self && after.find(node.id) == nullptr) {
      former_members_.insert(Peer{node.address, cluster_, node.id});
    }
  }
  // One that has come back is none.
  std::erase_if(former_members_, [&](const Peer& peer) { return after.find(peer.node) != nullptr; });
}

void Session::hand_over(PartitionId partition, Epoch epoch) {
  if (partition >= partitions_) return;
  reenter(partition, [epoch](Replica& replica, replica::Effects& effects) { replica.stop(epoch, effects); });
}

NodeReport Session::report() const {
  NodeReport report;
  report.is_durable = parts_.storage->is_durable();
  const ClusterMapPtr map = this->map();
  report.is_full = parts_.memory->report_full();
  {
    std::lock_guard lock(mutex_);
    report.copies_of.assign(copies_of_.begin(), copies_of_.end());
  }
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    const Slot& slot = slots_[partition];
    std::lock_guard lock(slot.mutex);
    if (!slot.replica) continue;
    if (slot.replica->role() == Replica::Role::primary) report.statistics += slot.replica->statistics();
    if (is_coming_back_ && is_old_copy(slot, *map, partition)) report.old_copies.push_back(partition);
    PartitionReport state = slot.replica->report();
    const bool has_news = state.stopped || !state.level.empty() || !state.lost.empty() || !state.lost_backups.empty();
    if (has_news || state.sealed_at) report.partitions.push_back(std::move(state));
  }
  return report;
}

StorageStatistics Session::statistics() const {
  StorageStatistics sum;
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    const Slot& slot = slots_[partition];
    std::lock_guard lock(slot.mutex);
    if (slot.replica && slot.replica->role() == Replica::Role::primary) sum += slot.replica->statistics();
  }
  return sum;
}

std::vector<PartitionId> Session::serving() const {
  std::vector<PartitionId> served;
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    const Slot& slot = slots_[partition];
    std::lock_guard lock(slot.mutex);
    if (serves(slot)) served.push_back(partition);
  }
  return served;
}

}  // namespace dht::node
