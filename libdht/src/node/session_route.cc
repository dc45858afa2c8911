// How a session runs the operations of its own node's clients: here, at the primary (session_send.cc), or later.

#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "base/assert.h"
#include "node/session.h"

namespace dht::node {

PartitionId Session::partition_of(const Operation& operation) const noexcept {
  const bool by_key = operation.kind == Operation::Kind::get || operation.kind == Operation::Kind::write;
  return by_key ? partition_of(operation.key) : operation.partition;
}

Session::ReadHere Session::read_here(std::string_view key, GetHandler& handler, Function<void()> waiting) {
  ReadHere result;
  replica::Effects effects;
  {
    Slot& slot = this->slot(partition_of(key));
    std::lock_guard lock(slot.mutex);
    if (!serves(slot)) return result;
    result.served = true;
    result.outcome = slot.replica->get(key, handler, effects);
    if (!result.outcome) waiting();
    send_pieces(slot, effects);
  }
  answer(effects);
  return result;
}

Session::WriteHere Session::write_here(const WriteRequest& request, const Precondition& precondition,
                                       WriteHandler& handler, Function<void()> waiting) {
  WriteHere result;
  replica::Effects effects;
  {
    const PartitionId partition = partition_of(request.key);
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    if (!serves(slot)) return result;
    result.served = true;
    if (refuses(partition, request)) {
      result.outcome = replica::WriteOutcome{Errc::out_of_memory, {}};
      return result;
    }
    note_written(slot, request.key, effects);
    result.outcome = slot.replica->write(request, precondition, parts_.scheduler->wall_ms(), handler, effects);
    if (!result.outcome) waiting();
    send_pieces(slot, effects);
  }
  answer(effects);
  return result;
}

void Session::route(OperationId id) {
  PartitionId partition = 0;
  const bool under_way = parts_.operations->visit(id, [&](Operation& operation) {
    operation.in_cluster = cluster_;
    partition = partition_of(operation);
  });
  if (!under_way) return;

  replica::Effects effects;
  NodeId primary;
  enum class Goes { elsewhere, here, later, to_primary } goes = Goes::to_primary;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    if (retired_) {
      goes = Goes::elsewhere;
    } else if (serves(slot)) {
      goes = Goes::here;
      parts_.operations->visit(id, [&](Operation& operation) { run_in_replica(slot, operation, effects); });
      send_pieces(slot, effects);
    } else if (paused_ || slot.primary == parts_.self || !slot.primary) {
      // No map will come that would wake what is parked in a session that is over.
      goes = Goes::later;
      if (!detached_) return slot.parked.push_back(id);
    } else {
      primary = slot.primary;
    }
  }
  switch (goes) {
    case Goes::elsewhere:
      return (*parts_.route_elsewhere)(id);
    case Goes::here:
      return answer(effects);
    case Goes::later:
      return postpone(id);
    case Goes::to_primary:
      return send_on(primary, id, partition);
  }
}

void Session::run_in_replica(Slot& slot, Operation& operation, replica::Effects& effects) {
  operation.state = Operation::State::in_replica;
  OperationTable* const table = parts_.operations;
  const OperationId id = operation.id;
  switch (operation.kind) {
    case Operation::Kind::get: {
      GetHandler handler = [this, id](std::error_code error, std::optional<Entry> entry) {
        end_read(id, error, std::move(entry));
      };
      if (auto outcome = slot.replica->get(operation.key, handler, effects)) {
        effects.reads.push_back({std::move(handler), std::move(*outcome)});
      }
      return;
    }
    case Operation::Kind::write: {
      WriteHandler handler = [table, id](std::error_code error, WriteResult result) {
        if (auto ended = table->take(id)) ended->on_write(error, result);
      };
      if (refuses(partition_of(operation), operation.write_request())) {
        effects.writes.push_back({std::move(handler), {Errc::out_of_memory, {}}});
        return;
      }
      note_written(slot, operation.key, effects);
      if (auto outcome = slot.replica->write(operation.write_request(), operation.precondition,
                                             parts_.scheduler->wall_ms(), handler, effects)) {
        effects.writes.push_back({std::move(handler), *outcome});
      }
      return;
    }
    case Operation::Kind::merge:
    case Operation::Kind::drop_copies: {
      replica::DoneHandler handler = [table, id](std::error_code error) {
        if (auto ended = table->take(id)) ended->on_done(error);
      };
      if (operation.kind == Operation::Kind::merge) {
        slot.replica->merge(*operation.batch, std::move(handler), effects);
      } else {
        slot.replica->drop_copies(operation.cluster, std::move(handler), effects);
      }
      return;
    }
  }
}

void Session::end_read(OperationId id, std::error_code error, std::optional<Entry> entry) {
  if (error == Errc::not_applied) return postpone(id);
  if (auto ended = parts_.operations->take(id)) ended->on_get(error, std::move(entry));
}

void Session::postpone(OperationId id) {
  const bool is_under_way =
      parts_.operations->visit(id, [](Operation& operation) { operation.state = Operation::State::parked; });
  if (!is_under_way) return;
  {
    std::lock_guard lock(mutex_);
    if (!retired_) return postponed_.push_back(id);
  }
  (*parts_.route_elsewhere)(id);
}

bool Session::has_put_off() const {
  if (has_parked_requests_ || awaits_followers_) return true;
  std::lock_guard lock(mutex_);
  return !postponed_.empty() || !beginnings_.empty() || !former_members_.empty();
}

void Session::retry_postponed() {
  retry_beginnings();
  std::vector<OperationId> ids;
  std::set<Peer> former;
  {
    std::lock_guard lock(mutex_);
    ids = std::exchange(postponed_, {});
    out_of_reach_.clear();
    has_out_of_reach_ = false;
    former = former_members_;
  }
  for (const OperationId id : ids)
    route(id);
  for (const Peer& peer : former) {
    if (parts_.operations->has_sent_to(peer.node)) continue;
    parts_.transport->disconnect(peer);
    std::lock_guard lock(mutex_);
    former_members_.erase(peer);
  }
}

}  // namespace dht::node
