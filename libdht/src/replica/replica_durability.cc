// Changes on their way into the own storage, and what of the replica is durable.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "replica/replica.h"

namespace dht::replica {

std::optional<StorageWritten> Replica::make_change(std::span<const StorageChange> changes,
                                                   std::vector<wire::MergeMark> merges, Effects& effects) {
  const bool is_nothing = changes.empty() && !is_durable_;
  const auto written = is_nothing ? StorageWritten{} : storage_.apply(changes, state_after(merges));
  if (written && written->error) return written;
  if (!written || !is_durable_) {
    number(changes, std::move(merges), written.has_value(), effects);
    return written;
  }
  const auto synced = storage_.sync(SyncFor::answer);
  const auto ticket = number(changes, std::move(merges), synced && !synced->error, effects);
  if (!synced) {
    await_stored(ticket);
  } else if (synced->error) {
    fail_storage(effects);
  }
  return written;
}

void Replica::end_change(const StoredChanges::Ticket& ticket, const StorageWritten& written, Effects& effects) {
  const auto synced = written.error || !is_durable_ ? written : storage_.sync(SyncFor::answer);
  if (synced) return on_stored(ticket, *synced, effects);
  await_stored(ticket);
}

void Replica::await_stored(const StoredChanges::Ticket& ticket) {
  storage_.await<StorageWritten>(
      [this, ticket](StorageWritten synced, Effects& effects) { on_stored(ticket, synced, effects); });
}

void Replica::on_stored(const StoredChanges::Ticket& ticket, const StorageWritten& synced, Effects& effects) {
  if (synced.error) return fail_storage(effects);
  stored_.end(ticket);
  commit_what_is_acknowledged(effects);
}

void Replica::fail_storage(Effects& effects) {
  if (role_ == Role::primary) return stop_alone(effects);
  followed_.stop_taking();
}

ReplicaState Replica::state() const {
  ReplicaState state{.followed = stream_.epoch,
                     .since = stream_.since,
                     .is_complete = is_complete_,
                     .seq = history_.seq(),
                     .clock = clock_.last(),
                     .starts = history_.starts()};
  state.merges.reserve(merges_.size());
  for (const auto& [joiner, progress] : merges_)
    state.merges.push_back({joiner, progress.number, progress.by});
  return state;
}

std::string Replica::state_after(const std::vector<wire::MergeMark>& merges) const {
  if (!is_durable_) return {};
  ReplicaState next = state();
  ++next.seq;
  next.merges.insert(next.merges.end(), merges.begin(), merges.end());
  return encode(next);
}

std::string Replica::state_after(const wire::StreamPiece& piece) const {
  if (!is_durable_) return {};
  ReplicaState next = state();
  next.seq = piece.seq;
  next.clock = std::max(next.clock, piece.last_version);
  const bool begins = piece.start == wire::StreamStart::copy || piece.start == wire::StreamStart::compare;
  if (!piece.starts.empty() || begins) next.starts = piece.starts;
  if (begins) next.merges.clear();
  next.merges.insert(next.merges.end(), piece.merges.begin(), piece.merges.end());
  next.is_complete = (next.is_complete && !begins) || piece.start == wire::StreamStart::copied;
  return encode(next);
}

void Replica::persist(SyncFor purpose, Function<void(Effects&)> then, Effects& effects) {
  if (!is_durable_) return then(effects);
  if (const auto written = storage_.apply({}, encode(state()))) {
    return written->error ? fail_storage(effects) : sync_then(purpose, std::move(then), effects);
  }
  storage_.await<StorageWritten>(
      [this, purpose, then = std::move(then)](StorageWritten written, Effects& later) mutable {
        written.error ? fail_storage(later) : sync_then(purpose, std::move(then), later);
      });
}

void Replica::sync_then(SyncFor purpose, Function<void(Effects&)> then, Effects& effects) {
  if (!is_durable_) return then(effects);
  if (const auto synced = storage_.sync(purpose)) return synced->error ? fail_storage(effects) : then(effects);
  storage_.await<StorageWritten>([this, then = std::move(then)](StorageWritten synced, Effects& later) mutable {
    synced.error ? fail_storage(later) : then(later);
  });
}

void Replica::restore() {
  const auto state = is_durable_ ? decode_replica_state(storage_.state()) : std::nullopt;
  if (!state || !state->is_complete) return;
  is_complete_ = true;
  stream_ = {.partition = partition_, .epoch = state->followed, .since = state->since};
  history_.begin_copy(state->seq, state->starts);
  clock_.observe(state->clock);
  for (const wire::MergeMark& mark : state->merges)
    note_merge(mark);
}

void Replica::come_back(const PartitionRecord& record, Effects& effects) {
  DHT_ASSERT(is_complete_ && record.primary_since == stream_.epoch && role_ != Role::primary);
  role_ = Role::primary;
  epoch_ = record.epoch;
  is_deposed_ = stopping_ = drained_ = true;
  effects.report_changed = true;
}

}  // namespace dht::replica
