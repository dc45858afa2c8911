// The primary's history and its streams: numbering what was applied, sending it to the learners, feeding them the scan,
// and committing what they acknowledge.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "replica/changes.h"
#include "replica/replica.h"

namespace dht::replica {

bool Replica::is_counting() const noexcept {
  return std::any_of(streams_.begin(), streams_.end(), [](const LearnerStream& stream) { return stream.is_counted(); });
}

Seq Replica::number(std::span<const StorageChange> changes, std::vector<wire::MergeMark> merges, Effects& effects) {
  ++seq_;
  for (LearnerStream& stream : streams_) {
    if (!stream.is_lost()) send(stream, merges, owned(changes), effects);
  }
  if (is_counting()) {
    std::vector<std::string> keys;
    keys.reserve(changes.size());
    for (const StorageChange& change : changes)
      keys.emplace_back(change.key);
    pending_.add(seq_, std::move(keys));
  }
  return seq_;
}

void Replica::commit_what_is_acknowledged(Effects& effects) {
  Seq everywhere = seq_;
  for (const LearnerStream& stream : streams_) {
    if (stream.is_counted()) everywhere = std::min(everywhere, stream.confirmed());
  }
  pending_.commit(everywhere, effects);
}

LearnerStream* Replica::find_stream(NodeId learner, const wire::StreamId& id) noexcept {
  const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const LearnerStream& stream) {
    return stream.learner() == learner && stream.id() == id;
  });
  return found == streams_.end() ? nullptr : &*found;
}

/// Piece 1 carries what a copy is beyond its entries: all merge marks, and the clock as every piece does.
void Replica::begin_stream(const LearnerRecord& learner, Effects& effects) {
  LearnerStream& stream = streams_.emplace_back(
      learner.node, wire::StreamId{.partition = partition_, .epoch = epoch_, .since = learner.since});
  std::vector<wire::MergeMark> merges;
  merges.reserve(merges_.size());
  for (const auto& [joiner, progress] : merges_)
    merges.push_back({joiner, progress.number, progress.by});
  send(stream, std::move(merges), {}, effects);
  feed(stream, effects);
}

void Replica::send(LearnerStream& stream, std::vector<wire::MergeMark> merges, std::vector<wire::Change> changes,
                   Effects& effects) {
  wire::StreamPiece piece;
  piece.seq = seq_;
  piece.last_version = clock_.last();
  piece.merges = std::move(merges);
  piece.changes = std::move(changes);
  effects.pieces.push_back({stream.learner(), stream.next_piece(std::move(piece))});
}

void Replica::on_ack(NodeId learner, const wire::StreamAck& ack, Effects& effects) {
  LearnerStream* stream = role_ == Role::primary ? find_stream(learner, ack.stream) : nullptr;
  if (stream == nullptr || stream->is_lost()) return;
  const bool was_level = stream->is_level();
  if (ack.refused || !stream->acknowledge(ack.index)) {
    lose(*stream, effects);
    return;
  }
  if (stream->is_level() != was_level) effects.report_changed = true;
  commit_what_is_acknowledged(effects);
  feed(*stream, effects);
  check_drained(effects);
}

void Replica::on_learner_unreachable(NodeId learner, Effects& effects) {
  for (LearnerStream& stream : streams_) {
    if (stream.learner() == learner && !stream.is_lost()) lose(stream, effects);
  }
}

void Replica::lose(LearnerStream& stream, Effects& effects) {
  stream.lose();
  effects.report_changed = true;
}

// The scan, chunk by chunk. A chunk has the partition alone from its reading to its place in the stream: no write can
// come between, so it never overtakes one and is never overtaken.

void Replica::feed(LearnerStream& stream, Effects& effects) {
  if (!stream.wants_chunk(options_.window_bytes)) return;
  stream.begin_chunk();
  turns_.wait_alone(
      [this, learner = stream.learner(), id = stream.id()](Effects& later) { read_chunk(learner, id, later); },
      effects);
}

void Replica::read_chunk(NodeId learner, const wire::StreamId& id, Effects& effects) {
  LearnerStream* stream = find_stream(learner, id);
  if (stream == nullptr || stream->is_lost()) return;
  if (const auto scanned = storage_.scan(stream->cursor(), options_.chunk_bytes)) {
    place_chunk(*stream, *scanned, effects);
    return;
  }
  turns_.occupy_all();
  storage_.await<StorageScanned>([this, learner, id](StorageScanned scanned, Effects& later) {
    turns_.continue_all(later, [&] {
      LearnerStream* still = find_stream(learner, id);
      if (still != nullptr && !still->is_lost()) place_chunk(*still, scanned, later);
    });
  });
}

void Replica::place_chunk(LearnerStream& stream, const StorageScanned& scanned, Effects& effects) {
  if (scanned.error) {
    lose(stream, effects);
    return;
  }
  std::vector<wire::Change> changes;
  changes.reserve(scanned.chunk.entries.size());
  for (const ScannedEntry& scanned_entry : scanned.chunk.entries) {
    const StoredEntry& entry = scanned_entry.entry;
    changes.push_back(
        {StorageChange::Kind::put, scanned_entry.key, std::string(entry.value.view()), entry.version, entry.copy_of});
  }
  if (!changes.empty()) send(stream, {}, std::move(changes), effects);
  stream.end_chunk(scanned.chunk.next);
  if (stream.is_level()) effects.report_changed = true;
  feed(stream, effects);
}

}  // namespace dht::replica
