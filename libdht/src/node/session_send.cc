// How a session sends the operations of its own node's clients to other nodes, and what becomes of them there.

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "node/session.h"

namespace dht::node {
namespace {

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

Session::Way Session::way_to(NodeId primary) const {
  const ClusterMapPtr map = this->map();
  const NodeRecord* const record = map->find(primary);
  if (record == nullptr) return {};
  return {{record->address, cluster_, primary}, map->revision, parts_.scheduler->now()};
}

void Session::send_on(NodeId primary, OperationId id, PartitionId partition) {
  const Way way = way_to(primary);
  if (!way.peer.node || is_out_of_reach(primary)) return postpone(id);
  std::error_code error;
  parts_.operations->visit(id, [&](Operation& operation) { error = send_under_lock(way, partition, operation); });
  if (error) end_unsent(primary, id, error);
}

std::error_code Session::send_under_lock(const Way& way, PartitionId partition, Operation& operation) {
  const wire::RequestHeader header{operation.id, milliseconds_left(way.now, operation.deadline), partition,
                                   way.revision};
  const Sent sent = send_encoded(operation, header, [&](wire::MessageType type, std::string_view payload) {
    return parts_.transport->send(way.peer, Lane::request, {static_cast<std::uint16_t>(type), payload});
  });
  if (sent.error) return sent.error;
  operation.state = Operation::State::sent;
  operation.sent_to = way.peer.node;
  operation.sent_by = way.revision;
  operation.connection = sent.connection;
  return {};
}

void Session::end_unsent(NodeId primary, OperationId id, std::error_code error) {
  if (error == Errc::unreachable) {
    note_out_of_reach(primary);
    return postpone(id);
  }
  if (auto operation = parts_.operations->take(id)) operation->fail(error);
}

/// The usual case of an operation on a key of another node: into the table and to the primary in one step.
bool Session::begin(OperationPtr& operation) {
  const OperationId id = operation->id;
  const PartitionId partition = partition_of(*operation);
  operation->in_cluster = cluster_;
  const NodeId primary = primary_elsewhere(partition);
  const Way way = primary ? way_to(primary) : Way{};
  if (!way.peer.node || is_out_of_reach(primary)) {
    if (!parts_.operations->add(operation)) return false;
    route(id);
    return true;
  }
  std::error_code error;
  const bool added = parts_.operations->add(
      operation, [&](Operation& under_way) { error = send_under_lock(way, partition, under_way); });
  if (error) end_unsent(primary, id, error);
  return added;
}

NodeId Session::primary_elsewhere(PartitionId partition) {
  Slot& slot = this->slot(partition);
  std::lock_guard lock(slot.mutex);
  const bool is_here = slot.primary == parts_.self || serves(slot);
  return retired_ || paused_ || is_here ? NodeId{} : slot.primary;
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
  const bool is_certain = header.code == wire::ReplyHeader::Code::failed && header.error_code() == Errc::not_applied;
  const bool is_to_be_tried_again = is_certain && kind == Operation::Kind::get;
  bool is_put_off = false;
  const OperationPtr ended = parts_.operations->take(header.request, [&](const Operation& operation) {
    // A reply of another kind than was asked for would call a handler that is not there: it is passed over.
    const bool without_result = kind == Operation::Kind::merge;
    const bool fits = operation.state == Operation::State::sent &&
                      (operation.kind == kind || (without_result && operation.kind == Operation::Kind::drop_copies));
    is_put_off = fits && is_to_be_tried_again;
    return fits && !is_put_off;
  });
  if (is_put_off) return postpone(header.request);
  if (ended) end(*ended);
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
