// How a session stands still, and how it ends.

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "node/session.h"

namespace dht::node {

using replica::Replica;

namespace {

constexpr Duration kDrainInterval = std::chrono::milliseconds(5);

}  // namespace

void Session::pause() {
  paused_ = true;
  // Whoever saw the flag unset is inside a slot's lock: once each lock has been held, nobody is.
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    std::lock_guard lock(slots_[partition].mutex);
  }
}

void Session::resume() {
  paused_ = false;
  for (PartitionId partition = 0; partition < partitions_; ++partition)
    let_go_on(partition);
}

void Session::let_go_on(PartitionId partition) {
  std::vector<OperationId> parked;
  std::vector<ParkedRequest> requests;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    if (paused_) return;
    parked = std::exchange(slot.parked, {});
    requests = std::exchange(slot.parked_requests, {});
  }
  rerun(parked, requests);
}

void Session::wake() {
  if (!paused_) resume();
}

void Session::drain(Kept kept, Function<void()> done) {
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    replica::Effects effects;
    {
      Slot& slot = this->slot(partition);
      std::lock_guard lock(slot.mutex);
      if (!slot.replica) continue;
      if (kept == Kept::entries) slot.replica->stop_following(effects);
      slot.replica->stop_alone(effects);
    }
    answer(effects);
  }
  if (is_drained(kept)) return done();
  drain_timer_ = parts_.scheduler->call_later(
      kDrainInterval, [this, kept, done = std::move(done)]() mutable { drain(kept, std::exchange(done, nullptr)); });
}

bool Session::is_drained(Kept kept) const {
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    const Slot& slot = slots_[partition];
    std::lock_guard lock(slot.mutex);
    if (!slot.replica) continue;
    const bool is_primary = slot.replica->role() == Replica::Role::primary;
    if (is_primary && !(slot.replica->is_drained() && slot.replica->is_idle())) return false;
    if (kept == Kept::entries && !slot.replica->is_idle()) return false;
  }
  return true;
}

void Session::detach() {
  detached_ = true;
  // No newer map will come that would wake what is parked: own operations are tried again and again instead, and peers'
  // requests are refused, so that their askers look for the primary elsewhere.
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    std::vector<ParkedRequest> requests;
    std::unique_ptr<Replica> dropped;
    {
      Slot& slot = this->slot(partition);
      std::lock_guard lock(slot.mutex);
      // What it was backup or learner for would be found again, old, by a later stay in the same cluster.
      const bool is_left_over = slot.replica && slot.replica->role() != Replica::Role::primary;
      if (is_left_over) dropped = give_up(partition, slot);
      std::lock_guard list_lock(mutex_);
      postponed_.insert(postponed_.end(), slot.parked.begin(), slot.parked.end());
      slot.parked.clear();
      requests = std::exchange(slot.parked_requests, {});
    }
    close_and_drop(partition, std::move(dropped));
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
