// How a session begins in a cluster that the node has just founded.

#include <chrono>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "node/session.h"
#include "replica/copies.h"

namespace dht::node {

using replica::Replica;

namespace {

constexpr Duration kLookAgain = std::chrono::milliseconds(5);

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
      slot.replica->serve(record, effects);
      send_pieces(slot, effects);
    }
    answer(effects);
  }
}

void Session::found_from(Session& left, Kept kept, Function<void(std::error_code)> done) {
  if (kept == Kept::copies) note_copies_of(left.cluster_);
  const ClusterId mark = kept == Kept::copies ? left.cluster_ : ClusterId{};
  founding_ = std::make_unique<Founding>(Founding{.left = left, .kept = kept, .mark = mark, .done = std::move(done)});
  copy_kept();
}

/// Goes on until a partition has something to copy, and again when that is copied.
void Session::copy_kept() {
  for (PartitionId& partition = founding_->partition; partition < partitions_; ++partition) {
    PartitionStorage* const from = founding_->left.kept(partition, founding_->kept);
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
  end_founding();
}

/// What was founded is there for good once each partition serves.
void Session::end_founding() {
  if (!serves_all()) {
    drain_timer_ = parts_.scheduler->call_later(kLookAgain, [this] { end_founding(); });
    return;
  }
  const auto founded = std::move(founding_);
  founded->done({});
}

bool Session::serves_all() const {
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    const Slot& slot = slots_[partition];
    std::lock_guard lock(slot.mutex);
    if (!slot.replica || !slot.replica->is_serving()) return false;
  }
  return true;
}

void Session::finish_copy(std::error_code error, Version highest) {
  const PartitionId partition = founding_->partition;
  if (error)
    log(LogLevel::error, fmt::format("partition {}: the copy kept from the former cluster is incomplete: {}", partition,
                                     error.message()));
  if (!parts_.storage->is_durable()) founding_->left.drop_kept(partition);
  begin_serving(partition,
                std::make_unique<Replica>(partition, std::move(founding_->to), *this, replica::ReplicaOptions{}),
                highest);
  ++founding_->partition;
  copy_kept();
}

void Session::drop_all_kept() {
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    const bool has_kept = [&] {
      std::lock_guard lock(slot(partition).mutex);
      return slot(partition).kept != nullptr;
    }();
    if (has_kept) drop_kept(partition);
  }
}

void Session::restore() {
  is_coming_back_ = keeps_what_it_loses_ = true;
  for (const StoredPartition& stored : parts_.storage->stored())
    restore_partition(stored);
  const ClusterMapPtr map = this->map();
  for (PartitionId partition = 0; partition < partitions_; ++partition)
    adopt_slot(partition, *map, true, false);
}

/// What was being copied here is worth nothing: it goes, as does what another cluster has left.
void Session::restore_partition(const StoredPartition& stored) {
  if (stored.cluster == cluster_ && stored.partition < partitions_) {
    auto replica = make_replica(stored.partition);
    if (replica->is_complete()) {
      std::lock_guard lock(slot(stored.partition).mutex);
      slot(stored.partition).replica = std::move(replica);
      return;
    }
  }
  parts_.drops->announce(stored.cluster, stored.partition);
  parts_.drops->drop(stored.cluster, stored.partition);
}

void Session::begin_serving(PartitionId partition, std::unique_ptr<Replica> replica, Version clock) {
  const PartitionRecord record = map()->partitions[partition];
  replica::Effects effects;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    replica->raise_clock(clock);
    slot.replica = std::move(replica);
    slot.replica->serve(record, effects);
    send_pieces(slot, effects);
  }
  answer(effects);
}

}  // namespace dht::node
