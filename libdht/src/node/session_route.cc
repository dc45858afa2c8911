// How a session runs the operations of its own node's clients: here, at the primary, or later.

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "base/assert.h"
#include "node/session.h"

namespace dht::node {
namespace {

/// Of more keys at once the first ones would be gone from the nearest caches before they are used.
constexpr std::size_t kMostExpected = 32;

/// What is left until `deadline`, for the primary: at least a millisecond.
std::uint32_t milliseconds_left(Instant now, Instant deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 1, 3'600'000));
}

/// Gives the request that stands for the operation to `send(type, payload)`.
template <typename Send>
Sent send_encoded(const Operation& operation, const wire::RequestHeader& header, Send send) {
  switch (operation.kind) {
    case Operation::Kind::get:
      return send(wire::MessageType::get, wire::encode_briefly(wire::GetMessage{header, operation.key}));
    case Operation::Kind::write:
      return send(wire::MessageType::write,
                  wire::encode_briefly(wire::WriteMessage{header, operation.write_request(), operation.precondition}));
    case Operation::Kind::merge:
      return send(wire::MessageType::merge, wire::encode(wire::MergeMessage{header, *operation.batch}));
    case Operation::Kind::drop_copies:
      break;
  }
  return send(wire::MessageType::drop_copies, wire::encode(wire::DropCopiesMessage{header, operation.cluster}));
}

}  // namespace

PartitionId Session::partition_of(const Operation& operation) const noexcept {
  const bool by_key = operation.kind == Operation::Kind::get || operation.kind == Operation::Kind::write;
  return by_key ? partition_of(operation.key) : operation.partition;
}

void Session::expect(std::span<const std::string_view> keys) {
  std::array<PartitionId, kMostExpected> partitions;
  keys = keys.first(std::min(keys.size(), partitions.size()));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    partitions[i] = partition_of(keys[i]);
    __builtin_prefetch(&slot(partitions[i]));
  }
  for (unsigned step = 0; step < PartitionStorage::kExpectSteps; ++step) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Slot& slot = this->slot(partitions[i]);
      std::unique_lock lock(slot.mutex, std::try_to_lock);
      if (lock && slot.replica) slot.replica->expect(keys[i], step);
    }
  }
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
  enum class Way { elsewhere, here, later, to_primary } way = Way::to_primary;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    if (retired_) {
      way = Way::elsewhere;
    } else if (serves(slot)) {
      way = Way::here;
      parts_.operations->visit(id, [&](Operation& operation) { run_in_replica(slot, operation, effects); });
      send_pieces(slot, effects);
    } else if (paused_ || slot.primary == parts_.self || !slot.primary || slot.is_primary_down) {
      // No map will come that would wake what is parked in a session that is over.
      way = Way::later;
      if (!detached_) return slot.parked.push_back(id);
    } else {
      primary = slot.primary;
    }
  }
  switch (way) {
    case Way::elsewhere:
      return (*parts_.route_elsewhere)(id);
    case Way::here:
      return answer(effects);
    case Way::later:
      return postpone(id);
    case Way::to_primary:
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

void Session::send_on(NodeId primary, OperationId id, PartitionId partition) {
  const Peer peer = peer_of(primary);
  if (!peer.node || is_out_of_reach(primary)) return postpone(id);
  const Revision revision = map()->revision;
  const Instant now = parts_.scheduler->now();
  std::error_code error;
  // Under the table's lock, so that a break of the connection finds every operation that was sent over it.
  parts_.operations->visit(id, [&](Operation& operation) {
    const wire::RequestHeader header{id, milliseconds_left(now, operation.deadline), partition, revision};
    const Sent sent = send_encoded(operation, header, [&](wire::MessageType type, std::string_view payload) {
      return parts_.transport->send(peer, Lane::request, {static_cast<std::uint16_t>(type), payload});
    });
    error = sent.error;
    if (error) return;
    operation.state = Operation::State::sent;
    operation.sent_to = primary;
    operation.sent_by = revision;
    operation.connection = sent.connection;
  });
  if (!error) return;
  if (error == Errc::unreachable) {
    note_out_of_reach(primary);
    return postpone(id);
  }
  if (auto operation = parts_.operations->take(id)) operation->fail(error);
}

void Session::postpone(OperationId id) {
  const bool is_under_way =
      parts_.operations->visit(id, [](Operation& operation) { operation.state = Operation::State::parked; });
  if (!is_under_way) return;
  std::lock_guard lock(mutex_);
  postponed_.push_back(id);
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

void Session::on_reply(const Peer& peer, Lane lane, Frame frame) {
  const auto type = static_cast<wire::MessageType>(frame.type);
  if (lane == Lane::replication) {
    if (type == wire::MessageType::stream_ack) on_ack(peer, frame.payload);
    return;
  }
  bool understood = false;
  if (type == wire::MessageType::get_reply) {
    if (const auto reply = wire::decode_get_reply(frame.payload)) {
      understood = true;
      end_sent(reply->header, Operation::Kind::get, [&](Operation& operation) {
        std::optional<Entry> entry;
        if (reply->found) entry = Entry{Value(reply->value), reply->version};
        operation.on_get(reply->header.error_code(), std::move(entry));
      });
    }
  } else if (type == wire::MessageType::write_reply) {
    if (const auto reply = wire::decode_write_reply(frame.payload)) {
      understood = true;
      end_sent(reply->header, Operation::Kind::write,
               [&](Operation& operation) { operation.on_write(reply->header.error_code(), reply->result); });
    }
  } else if (type == wire::MessageType::done_reply) {
    if (const auto reply = wire::decode_done_reply(frame.payload)) {
      understood = true;
      end_sent(reply->header, Operation::Kind::merge,
               [&](Operation& operation) { operation.on_done(reply->header.error_code()); });
    }
  }
  if (!understood)
    log(LogLevel::warning, fmt::format("dropped a reply of {} that made no sense", to_string(peer.address)));
}

template <typename End>
void Session::end_sent(const wire::ReplyHeader& header, Operation::Kind kind, End end) {
  if (header.code == wire::ReplyHeader::Code::wrong_node) return on_wrong_node(header);
  // A reply of another kind than was asked for would call a handler that is not there: it is passed over.
  bool fits = false;
  parts_.operations->visit(header.request, [&](const Operation& operation) {
    const bool without_result = kind == Operation::Kind::merge;
    fits = operation.state == Operation::State::sent &&
           (operation.kind == kind || (without_result && operation.kind == Operation::Kind::drop_copies));
  });
  if (!fits) return;
  const bool is_certain = header.code == wire::ReplyHeader::Code::failed && header.error_code() == Errc::not_applied;
  if (is_certain && kind == Operation::Kind::get) return postpone(header.request);
  if (auto operation = parts_.operations->take(header.request)) end(*operation);
}

void Session::on_wrong_node(const wire::ReplyHeader& header) {
  const OperationId id = header.request;
  PartitionId partition = 0;
  Revision sent_by = 0;
  bool sent = false;
  parts_.operations->visit(id, [&](Operation& operation) {
    sent = operation.state == Operation::State::sent;
    if (!sent) return;
    operation.state = Operation::State::parked;
    partition = partition_of(operation);
    sent_by = operation.sent_by;
  });
  if (!sent) return;
  Revision known = 0;
  bool wait_for_map = false;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    known = slot.revision;
    wait_for_map = header.revision > known && !retired_ && !detached_;
    if (wait_for_map) slot.parked.push_back(id);
  }
  if (wait_for_map) {
    parts_.membership->heard_of(cluster_, header.revision);
  } else if (known > sent_by) {
    route(id);  // the map that the other one knew has come meanwhile
  } else {
    postpone(id);
  }
}

void Session::on_broken(const Peer& peer, Lane lane, ConnectionId connection, std::error_code reason) {
  if (lane == Lane::replication) return lose_streams(peer.node);
  // Nothing that was sent over a connection that never came about was delivered.
  const bool delivered_nothing = reason == Errc::unreachable || reason == Errc::incompatible;
  std::vector<OperationId> again;
  const std::vector<OperationPtr> unknown = parts_.operations->take_sent(
      connection, [&](const Operation& operation) { return !delivered_nothing && !operation.is_repeatable(); }, again);
  for (const OperationId id : again)
    postpone(id);
  for (const OperationPtr& operation : unknown)
    operation->fail(Errc::outcome_unknown);
}

}  // namespace dht::node
