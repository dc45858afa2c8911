// The streams between this node's replicas and those of others: what primaries send, what followers acknowledge, and
// the copies that learners are given.

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "node/session.h"

namespace dht::node {

void Session::on_piece(const LinkInfo& from, std::string_view payload) {
  auto piece = wire::decode_stream_piece(payload);
  if (!piece || piece->stream.partition >= partitions_) {
    return close_senseless(from, "stream");
  }
  const wire::StreamId stream = piece->stream;
  replica::Effects effects;
  {
    Slot& slot = this->slot(stream.partition);
    std::lock_guard lock(slot.mutex);
    const bool is_copy = piece->start == wire::StreamStart::copy;
    if (!slot.replica && !retired_ && is_copy && may_learn(slot, stream)) {
      slot.replica = make_replica(stream.partition);
    }
    if (slot.replica && !retired_) {
      note_marks(piece->changes);
      slot.replica->on_piece(std::move(*piece), effects);
      // What a former primary still sends must not draw the present one's acknowledgements to itself.
      if (slot.replica->follows(stream)) slot.stream_link = from.link;
    } else {
      effects.ack = wire::StreamAck{.stream = stream, .index = piece->index, .refused = true};
    }
    if (effects.ack) send_ack(from.link, *std::exchange(effects.ack, std::nullopt));
    if (slot.replica) send_pieces(slot, effects);
  }
  finish(stream.partition, effects);
  // The primaries cannot know too early that this backup takes no more.
  if (parts_.memory->must_report()) parts_.membership->report_within(Duration::zero());
}

bool Session::may_learn(const Slot& slot, const wire::StreamId& stream) const {
  // A storage is never open twice.
  if (slot.kept || parts_.drops->is_under_way(cluster_, stream.partition)) return false;
  if (stream.since > slot.revision) return true;  // by a map that has not come here yet
  const ClusterMapPtr map = this->map();
  const PartitionRecord& record = map->partitions[stream.partition];
  return std::any_of(record.learners.begin(), record.learners.end(), [&](const LearnerRecord& learner) {
    return learner.node == parts_.self && learner.since == stream.since;
  });
}

void Session::on_ack(const Peer& peer, std::string_view payload) {
  const auto ack = wire::decode_stream_ack(payload);
  if (!ack || ack->stream.partition >= partitions_) return;
  replica::Effects effects;
  {
    Slot& slot = this->slot(ack->stream.partition);
    std::lock_guard lock(slot.mutex);
    if (!slot.replica) return;
    slot.replica->on_ack(peer.node, *ack, effects);
    send_pieces(slot, effects);
  }
  finish(ack->stream.partition, effects);
}

void Session::queue_chunks(const std::vector<replica::Effects::ChunkAsk>& asks) {
  {
    std::lock_guard lock(mutex_);
    chunk_asks_.insert(chunk_asks_.end(), asks.begin(), asks.end());
  }
  (*parts_.copy_soon)();
}

bool Session::give_chunk() {
  replica::Effects::ChunkAsk ask;
  {
    std::lock_guard lock(mutex_);
    if (chunk_asks_.empty()) return false;
    ask = chunk_asks_.front();
    chunk_asks_.pop_front();
  }
  reenter(ask.stream.partition,
          [&ask](replica::Replica& replica, replica::Effects& effects) { replica.give_chunk(ask, effects); });
  return true;
}

void Session::lose_streams(NodeId follower) {
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    replica::Effects effects;
    {
      Slot& slot = this->slot(partition);
      std::lock_guard lock(slot.mutex);
      if (!slot.replica) continue;
      slot.replica->on_follower_unreachable(follower, effects);
      send_pieces(slot, effects);
    }
    answer(effects);
  }
  watch_followers();
}

void Session::tend_streams(Instant now) {
  if (!awaits_followers_.exchange(false)) return;
  // Half a lease: the rest of one is for the leader to take a backup out that holds writes up.
  const Duration patience = std::chrono::milliseconds(map()->settings.lease_ms) / 2;
  std::set<NodeId> lost;
  const auto each_primary = [this](auto step) {
    for (PartitionId partition = 0; partition < partitions_; ++partition) {
      replica::Effects effects;
      {
        Slot& slot = this->slot(partition);
        std::lock_guard lock(slot.mutex);
        if (!slot.replica || slot.replica->role() != replica::Replica::Role::primary) continue;
        step(*slot.replica, effects);
        if (slot.replica->awaits_followers()) awaits_followers_ = true;
        send_pieces(slot, effects);
      }
      answer(effects);
    }
  };
  each_primary([&](replica::Replica& replica, replica::Effects& effects) {
    for (const NodeId backup : replica.tend(now, patience, effects))
      lost.insert(backup);
  });
  if (lost.empty()) return;
  // All streams to a node share its connection, and no other partition's clients should wait to find out the same.
  each_primary([&](replica::Replica& replica, replica::Effects& effects) {
    for (const NodeId backup : lost)
      replica.give_up_backup(backup, effects);
  });
}

}  // namespace dht::node
