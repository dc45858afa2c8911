// The primary's history and its streams: numbering what was applied, sending it to the followers, feeding learners the
// scan, and committing what they acknowledge.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "replica/replica.h"

namespace dht::replica {

bool Replica::is_counting() const noexcept {
  return std::any_of(streams_.begin(), streams_.end(),
                     [](const FollowerStream& stream) { return stream.is_counted(); });
}

StoredChanges::Ticket Replica::number(std::span<const StorageChange> changes, std::vector<wire::MergeMark> merges,
                                      bool is_stored, Effects& effects) {
  history_.extend(history_.seq() + 1);
  StoredChanges::Ticket ticket;
  if (!is_stored || !stored_.is_idle()) ticket = stored_.begin(history_.seq());
  if (is_stored && ticket.seq != 0) stored_.end(ticket);
  if (is_counting() || !stored_.is_idle()) pending_.add(history_.seq(), changes);
  if (streams_.empty() && !is_durable_) return ticket;
  const wire::Changes shared(changes);
  for (FollowerStream& stream : streams_) {
    if (!stream.is_flowing()) continue;  // it is brought level when it is taken up again
    send(stream, {.seq = history_.seq(), .merges = merges, .changes = shared}, effects);
  }
  if (is_counting() || is_durable_) history_.keep({history_.seq(), std::move(merges), shared});
  if (streams_.empty() && stored_.is_idle()) forget_history(history_.seq());
  return ticket;
}

void Replica::commit_what_is_acknowledged(Effects& effects) {
  if (role_ != Role::primary || !is_begun_) return;
  Seq everywhere = stored_.reached(history_.seq());
  for (const FollowerStream& stream : streams_) {
    if (stream.is_counted()) everywhere = std::min(everywhere, stream.confirmed());
  }
  committed_ = std::max(committed_, everywhere);
  pending_.commit(everywhere, effects);
  forget_history(everywhere);
}

/// Of what everybody has the last changes are kept where somebody may come back who lacks them.
void Replica::forget_history(Seq committed) { history_.forget(committed, is_durable_ ? options_.history_bytes : 0); }

FollowerStream* Replica::find_stream(NodeId follower, const wire::StreamId& id) noexcept {
  const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const FollowerStream& stream) {
    return stream.follower() == follower && stream.id() == id;
  });
  return found == streams_.end() ? nullptr : &*found;
}

/// Piece 1 carries what a copy is beyond its entries: its history, all merge marks, and the clock as every piece does.
void Replica::begin_copy(const LearnerRecord& learner, Effects& effects) {
  FollowerStream& stream = streams_.emplace_back(FollowerStream::to_learner(partition_, stream_.epoch, learner));
  if (stream.has_old_copy()) return take_up(stream, effects);
  send_copy(stream, wire::StreamStart::copy, effects);
}

void Replica::send_copy(FollowerStream& stream, wire::StreamStart start, Effects& effects) {
  wire::StreamPiece piece{.start = start, .seq = history_.seq(), .starts = history_.starts()};
  piece.merges.reserve(merges_.size());
  for (const auto& [joiner, progress] : merges_)
    piece.merges.push_back({joiner, progress.number, progress.by});
  send(stream, std::move(piece), effects);
  feed(stream, effects);
}

void Replica::send(FollowerStream& stream, wire::StreamPiece piece, Effects& effects) {
  piece.last_version = clock_.last();
  piece.committed = committed_;
  effects.pieces.push_back({stream.follower(), stream.next_piece(std::move(piece))});
}

void Replica::on_ack(NodeId follower, const wire::StreamAck& ack, Effects& effects) {
  FollowerStream* stream = role_ == Role::primary ? find_stream(follower, ack.stream) : nullptr;
  if (stream == nullptr || stream->is_lost() || stream->is_broken()) return;
  const bool was_level = stream->is_level();
  if (ack.refused || stream->awaits_position() != ack.position.has_value()) {
    lose(*stream, effects);
    return;
  }
  if (ack.position) {
    stream->is_backup() ? bring_level(*stream, *ack.position, effects) : bring_up_to_date(*stream, ack, effects);
  } else if (!stream->acknowledge(ack.index)) {
    lose(*stream, effects);
    return;
  }
  for (const wire::ScanRange& range : ack.differing)
    stream->note_difference(range);
  if (stream->is_level() != was_level) effects.learner_is_level = true;
  commit_what_is_acknowledged(effects);
  open_when_level(effects);
  feed(*stream, effects);
  check_drained(effects);
}

void Replica::on_follower_unreachable(NodeId follower, Effects& effects) {
  for (FollowerStream& stream : streams_) {
    if (stream.follower() != follower || stream.is_lost()) continue;
    stream.break_off();
    if (stream.is_lost()) effects.report_changed = true;
  }
}

void Replica::lose(FollowerStream& stream, Effects& effects) {
  stream.lose();
  effects.report_changed = true;
}

// The scan, chunk by chunk. A chunk has the partition alone from its reading to its place in the stream: no write can
// come between, so it never overtakes one and is never overtaken.

void Replica::feed(FollowerStream& stream, Effects& effects) {
  if (!stream.wants_chunk(options_.window_bytes)) return;
  stream.begin_chunk();
  effects.chunk_asks.push_back({stream.follower(), stream.id()});
}

void Replica::give_chunk(const Effects::ChunkAsk& ask, Effects& effects) {
  if (find_stream(ask.learner, ask.stream) == nullptr) return;
  turns_.wait_alone([this, ask](Effects& later) { read_chunk(ask.learner, ask.stream, later); }, effects);
}

void Replica::read_chunk(NodeId learner, const wire::StreamId& id, Effects& effects) {
  FollowerStream* stream = find_stream(learner, id);
  if (stream == nullptr || stream->is_lost()) return;
  if (stream->is_comparison_over()) {
    stream->give_chunk_back();
    return end_copy(*stream, effects);
  }
  const auto difference = stream->next_difference();
  if (!difference && stream->cursor() == kScanEnd) return stream->give_chunk_back();
  const ScanCursor from = difference ? difference->from : stream->cursor();
  if (const auto scanned = storage_.scan(from, options_.chunk_bytes)) {
    place_chunk(*stream, difference, *scanned, effects);
    return;
  }
  turns_.occupy_all();
  storage_.await<StorageScanned>([this, learner, id, difference](StorageScanned scanned, Effects& later) {
    turns_.continue_all(later, [&] {
      FollowerStream* still = find_stream(learner, id);
      if (still != nullptr && !still->is_lost()) place_chunk(*still, difference, scanned, later);
    });
  });
}

void Replica::place_chunk(FollowerStream& stream, const std::optional<wire::ScanRange>& difference,
                          const StorageScanned& scanned, Effects& effects) {
  if (scanned.error) {
    lose(stream, effects);
    return;
  }
  if (stream.is_comparing()) {
    difference ? place_difference(stream, *difference, scanned.chunk, effects)
               : place_digests(stream, scanned.chunk, effects);
    return feed(stream, effects);
  }
  std::vector<StorageChange> changes;
  changes.reserve(scanned.chunk.entries.size());
  for (const ScannedEntry& scanned_entry : scanned.chunk.entries) {
    const StoredEntry& entry = scanned_entry.entry;
    changes.push_back({StorageChange::Kind::put, scanned_entry.key, entry.value.view(), entry.version, entry.copy_of});
  }
  if (!changes.empty()) send(stream, {.seq = history_.seq(), .changes = wire::Changes(changes)}, effects);
  if (scanned.chunk.next == kScanEnd) {
    send(stream, {.start = wire::StreamStart::copied, .seq = history_.seq()}, effects);
  }
  stream.end_chunk(scanned.chunk.next);
  if (stream.is_level()) effects.learner_is_level = true;
  feed(stream, effects);
}

/// The learner has been sent all that it lacked of an old copy.
void Replica::end_copy(FollowerStream& stream, Effects& effects) {
  send(stream, {.start = wire::StreamStart::copied, .seq = history_.seq()}, effects);
  stream.end_copy();
}

}  // namespace dht::replica
