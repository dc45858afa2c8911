// How a session follows the cluster's map, and how it ends.

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "node/session.h"
#include "replica/copies.h"

namespace dht::node {

using replica::Replica;

namespace {

constexpr Duration kDrainInterval = std::chrono::milliseconds(5);

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

void Session::found() {
  const ClusterMapPtr map = this->map();
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    const PartitionRecord& record = map->partitions[partition];
    if (record.primary != parts_.self) continue;
    replica::Effects effects;
    {
      Slot& slot = this->slot(partition);
      std::lock_guard lock(slot.mutex);
      slot.replica = make_replica(partition);
      slot.replica->serve(record.epoch, record.learners, effects);
      send_pieces(slot, effects);
    }
    answer(effects);
  }
}

void Session::found_from(Session& left, Kept kept, Function<void(std::error_code)> done) {
  if (kept == Kept::copies) note_copies_of(left.cluster_);
  const ClusterId mark = kept == Kept::copies ? left.cluster_ : ClusterId{};
  founding_ = std::make_unique<Founding>(Founding{.left = left, .mark = mark, .done = std::move(done)});
  copy_kept();
}

/// Goes on until a partition has something to copy, and again when that is copied.
void Session::copy_kept() {
  for (PartitionId& partition = founding_->partition; partition < partitions_; ++partition) {
    PartitionStorage* const from = founding_->left.kept(partition);
    if (from == nullptr) {
      begin_serving(partition, make_replica(partition), 0);
      continue;
    }
    founding_->to = parts_.storage->open(cluster_, partition);
    const auto post = [scheduler = parts_.scheduler](Function<void()> step) { scheduler->post(std::move(step)); };
    replica::copy_as_marked(*from, *founding_->to, founding_->mark, post,
                            [this, post](std::error_code error, Version highest) {
                              post([this, error, highest] { finish_copy(error, highest); });
                            });
    return;
  }
  const auto founded = std::move(founding_);
  founded->done({});
}

void Session::finish_copy(std::error_code error, Version highest) {
  const PartitionId partition = founding_->partition;
  if (error)
    log(LogLevel::error, fmt::format("partition {}: the copy kept from the former cluster is incomplete: {}", partition,
                                     error.message()));
  founding_->left.drop_kept(partition);
  begin_serving(partition,
                std::make_unique<Replica>(partition, std::move(founding_->to), *this, replica::ReplicaOptions{}),
                highest);
  ++founding_->partition;
  copy_kept();
}

void Session::begin_serving(PartitionId partition, std::unique_ptr<Replica> replica, Version clock) {
  const PartitionRecord record = map()->partitions[partition];
  replica::Effects effects;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    replica->raise_clock(clock);
    slot.replica = std::move(replica);
    slot.replica->serve(record.epoch, record.learners, effects);
    send_pieces(slot, effects);
  }
  answer(effects);
}

void Session::adopt(ClusterMapPtr map) {
  const ClusterMapPtr before = this->map();
  DHT_ASSERT(map->cluster == cluster_);
  if (map->revision <= before->revision) return;
  {
    std::lock_guard lock(map_mutex_);
    map_ = map;
  }
  note_former_members(*before, *map);
  const bool nobody_joins = !has_joining(*map);
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    adopt_slot(partition, *map, map->partitions[partition], nobody_joins);
  }
}

void Session::adopt_slot(PartitionId partition, const ClusterMap& map, const PartitionRecord& record,
                         bool nobody_joins) {
  replica::Effects effects;
  std::vector<OperationId> parked;
  std::vector<ParkedRequest> requests;
  std::unique_ptr<Replica> dropped;
  bool is_kept_in_vain = false;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    slot.primary = record.primary;
    slot.revision = map.revision;
    slot.is_primary_down = is_down(map, record.primary);
    is_kept_in_vain = slot.kept && (is_active(map, parts_.self) || begins_empty(record, parts_.self));
    follow_record(partition, slot, map, record, effects, dropped);
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
  if (record.primary == parts_.self) {
    const bool is_behind = !slot.replica || slot.replica->epoch() < record.epoch;
    if (begins_empty(record, parts_.self) && is_behind) return begin_empty(partition, slot, record, effects, dropped);
    if (!slot.replica) {
      return log(LogLevel::error, fmt::format("partition {}: the map names this node primary, but it has no copy; the "
                                              "partition is not served",
                                              partition));
    }
    if (slot.replica->epoch() < record.epoch || learns) {
      slot.replica->serve(record.epoch, record.learners, effects);
    } else {
      slot.replica->configure(record.learners, effects);
    }
    return;
  }
  if (!slot.replica) return;
  const auto named = std::find_if(record.learners.begin(), record.learners.end(),
                                  [this](const LearnerRecord& learner) { return learner.node == parts_.self; });
  if (learns && named != record.learners.end()) return;  // and waits for its stream
  const NodeRecord* self = map.find(parts_.self);
  const bool keep = !learns && (self == nullptr || self->state == NodeState::leaving);
  if (keep && !slot.replica->report().stopped) {
    // It was taken away without being handed over, since its loss was accepted: it is kept once it is drained.
    slot.replica->configure({}, effects);
    slot.replica->stop(slot.replica->epoch(), effects);
  } else if (keep) {
    keep_storage(slot);
  } else {
    dropped = give_up(partition, slot);
  }
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
  slot.replica->serve(record.epoch, record.learners, effects);
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
    adopt_slot(partition, *map, map->partitions[partition], nobody_joins);
}

/// Of a primary only: it was drained before another took its place, so that nothing is under way at its storage.
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

PartitionStorage* Session::kept(PartitionId partition) {
  Slot& slot = this->slot(partition);
  std::lock_guard lock(slot.mutex);
  // Handed over, but the map that says so has not come here: the leader's answer was quicker.
  const bool was_primary = slot.replica && slot.replica->role() == Replica::Role::primary;
  if (was_primary) keep_storage(slot);
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
  replica::Effects effects;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    if (!slot.replica) return;
    slot.replica->stop(epoch, effects);
    send_pieces(slot, effects);
  }
  answer(effects);
}

NodeReport Session::report() const {
  NodeReport report;
  {
    std::lock_guard lock(mutex_);
    report.copies_of.assign(copies_of_.begin(), copies_of_.end());
  }
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    const Slot& slot = slots_[partition];
    std::lock_guard lock(slot.mutex);
    if (!slot.replica || slot.replica->role() != Replica::Role::primary) continue;
    report.statistics += slot.replica->statistics();
    replica::ReplicaReport state = slot.replica->report();
    if (!state.stopped && state.level.empty() && state.lost.empty()) continue;
    report.partitions.push_back({partition, state.epoch, state.stopped, std::move(state.level), std::move(state.lost)});
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

void Session::pause() {
  paused_ = true;
  // Whoever saw the flag unset is inside a slot's lock: once each lock has been held, nobody is.
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    std::lock_guard lock(slots_[partition].mutex);
  }
}

void Session::resume() {
  paused_ = false;
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    std::vector<OperationId> parked;
    std::vector<ParkedRequest> requests;
    {
      Slot& slot = this->slot(partition);
      std::lock_guard lock(slot.mutex);
      parked = std::exchange(slot.parked, {});
      requests = std::exchange(slot.parked_requests, {});
    }
    rerun(parked, requests);
  }
}

void Session::wake() {
  if (!paused_) resume();
}

void Session::drain(Function<void()> done) {
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    replica::Effects effects;
    {
      Slot& slot = this->slot(partition);
      std::lock_guard lock(slot.mutex);
      if (!slot.replica || slot.replica->role() != Replica::Role::primary) continue;
      // Nobody is to follow, so no learner is waited for.
      slot.replica->configure({}, effects);
      slot.replica->stop(slot.replica->epoch(), effects);
    }
    answer(effects);
  }
  if (is_drained()) return done();
  drain_timer_ = parts_.scheduler->call_later(
      kDrainInterval, [this, done = std::move(done)]() mutable { drain(std::exchange(done, nullptr)); });
}

bool Session::is_drained() const {
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    const Slot& slot = slots_[partition];
    std::lock_guard lock(slot.mutex);
    const bool is_primary = slot.replica && slot.replica->role() == Replica::Role::primary;
    if (is_primary && !slot.replica->report().stopped) return false;
  }
  return true;
}

void Session::detach() {
  detached_ = true;
  // No newer map will come that would wake what is parked: own operations are tried again and again instead, and peers'
  // requests are refused, so that their askers look for the primary elsewhere.
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    std::vector<ParkedRequest> requests;
    {
      Slot& slot = this->slot(partition);
      std::lock_guard lock(slot.mutex);
      std::lock_guard list_lock(mutex_);
      postponed_.insert(postponed_.end(), slot.parked.begin(), slot.parked.end());
      slot.parked.clear();
      requests = std::exchange(slot.parked_requests, {});
    }
    rerun({}, requests);
  }
}

void Session::retire() {
  retired_ = true;
  std::vector<OperationId> waiting;
  std::vector<std::pair<PartitionId, std::unique_ptr<Replica>>> dropped;
  {
    std::lock_guard lock(mutex_);
    waiting = std::exchange(postponed_, {});
  }
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    std::vector<ParkedRequest> requests;
    {
      Slot& slot = this->slot(partition);
      std::lock_guard lock(slot.mutex);
      if (slot.replica) dropped.emplace_back(partition, give_up(partition, slot));
      waiting.insert(waiting.end(), slot.parked.begin(), slot.parked.end());
      slot.parked.clear();
      requests = std::exchange(slot.parked_requests, {});
    }
    rerun({}, requests);
  }
  for (const OperationId id : waiting)
    (*parts_.route_elsewhere)(id);
  // Clients wait for none of this.
  for (auto& [partition, replica] : dropped)
    close_and_drop(partition, std::move(replica));
  // The storages are closed: what was still to be scanned is nobody's any more.
  std::vector<ScanId> scans;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, handler] : scans_)
      scans.push_back(id);
  }
  for (const ScanId id : scans)
    end_scan(id, {});
}

}  // namespace dht::node
