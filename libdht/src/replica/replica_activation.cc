// Taking over as primary: one way for failover, hand-over and restart. Begin the epoch, ask every backup for its
// position, send it what it lacks, and open when all of them have the last change.
#include <utility>

#include "base/assert.h"
#include "replica/replica.h"

namespace dht::replica {
namespace {

/// For learners: one that is gone is taken out by the leader, and one that is only slow has its copy to lose.
constexpr int kMorePatience = 8;

}  // namespace

void Replica::serve(const PartitionRecord& record, Effects& effects) {
  DHT_ASSERT(record.primary_since > stream_.epoch);
  role_ = Role::primary;
  epoch_ = record.epoch;
  stream_ = {.partition = partition_, .epoch = record.primary_since};
  is_begun_ = is_open_ = is_deposed_ = stopping_ = drained_ = false;
  resuming_.reset();
  streams_.clear();  // what was acknowledged to an earlier primary, be it this one, counts for nothing
  to_activate_ = record;
  followed_.stop_taking();
  effects.report_changed = true;
  if (followed_.is_idle()) activate(effects);
}

void Replica::activate(Effects& effects) {
  const PartitionRecord record = *std::exchange(to_activate_, std::nullopt);
  followed_.end_following();
  history_.begin_epoch(record.primary_since);
  is_complete_ = true;
  for (const NodeId backup : record.backups)
    streams_.push_back(FollowerStream::to_backup(partition_, record.primary_since, backup));
  for (FollowerStream& stream : streams_)
    take_up(stream, effects);
  configure(record, effects);
  // What is numbered in this term must not be numbered again by this node when it has been restarted.
  const auto begin = [this, term = stream_.epoch](Effects& later) {
    if (role_ != Role::primary || stream_.epoch != term) return;
    is_begun_ = true;
    commit_what_is_acknowledged(later);
    open_when_level(later);
    check_drained(later);
  };
  persist(SyncFor::role, begin, effects);
}

void Replica::take_up(FollowerStream& stream, Effects& effects) {
  wire::StreamPiece piece = stream.take_up();
  piece.last_version = clock_.last();
  effects.pieces.push_back({stream.follower(), std::move(piece)});
}

/// The backup has answered where it stands.
void Replica::bring_level(FollowerStream& stream, const ReplicaPosition& position, Effects& effects) {
  if (!history_.contains(position) || !history_.has_all_after(position.seq) || position.seq < stream.confirmed()) {
    lose(stream, effects);
    return;
  }
  send_missing(stream, position.seq, effects);
}

/// The follower has a prefix of the history, and is sent the rest.
void Replica::send_missing(FollowerStream& stream, Seq after, Effects& effects) {
  stream.resume_after(after);
  send(stream, {.seq = after, .starts = history_.starts()}, effects);
  for (std::size_t i = 0; i < history_.kept().size(); ++i) {
    const History::Logged& logged = history_.kept()[i];
    if (logged.seq <= after) continue;
    wire::StreamPiece piece{.seq = logged.seq, .merges = logged.merges, .changes = logged.changes};
    send(stream, std::move(piece), effects);
  }
}

void Replica::open_when_level(Effects& effects) {
  if (role_ != Role::primary || is_open_ || to_activate_ || !is_begun_) return;
  for (const FollowerStream& stream : streams_) {
    if (stream.is_backup() && (!stream.is_flowing() || !is_level(stream))) return;
  }
  is_open_ = true;
  effects.opened = true;
}

std::vector<NodeId> Replica::tend(Instant now, Duration patience, Effects& effects) {
  std::vector<NodeId> lost;
  for (FollowerStream& stream : streams_) {
    const bool is_backup = stream.is_backup();
    if (stream.is_out_of_patience(now, is_backup ? patience : patience * kMorePatience)) {
      lose(stream, effects);
      if (is_backup) lost.push_back(stream.follower());
    } else if (stream.is_broken()) {
      take_up(stream, effects);
    }
  }
  return lost;
}

bool Replica::awaits_followers() const noexcept {
  return std::any_of(streams_.begin(), streams_.end(),
                     [](const FollowerStream& stream) { return !stream.is_lost() && stream.is_waiting(); });
}

}  // namespace dht::replica
