// How a MemorySwitch moves packets over its connections.
#include <algorithm>
#include <string>
#include <utility>

#include <dht/error.h>

#include "memory_switch.h"
#include "memory_transport.h"

namespace dht::testing {

std::error_code MemorySwitch::enqueue(Connection& connection, Side to, Frame frame) {
  Stream& stream = connection.at(to).incoming;
  if (connection.phase == Connection::Phase::broken || stream.ended) return {};
  if (stream.bytes != 0 && stream.bytes + frame.payload.size() > options_.max_queued_bytes) return Errc::overloaded;
  push(connection, to,
       {.due = {}, .is_end = false, .is_seen = false, .type = frame.type, .payload = std::string(frame.payload)});
  return {};
}

void MemorySwitch::enqueue_end(Connection& connection, Side to) {
  Stream& stream = connection.at(to).incoming;
  if (connection.phase == Connection::Phase::broken || stream.ended) return;
  stream.ended = true;
  push(connection, to, {.due = {}, .is_end = true, .is_seen = false, .type = 0, .payload = {}});
}

void MemorySwitch::push(Connection& connection, Side to, Packet packet) {
  Stream& stream = connection.at(to).incoming;
  packet.due =
      scheduler_.now() + latency() + extra_latency(connection.at(other(to)).address, connection.at(to).address);
  if (!stream.packets.empty()) packet.due = std::max(packet.due, stream.packets.back().due);
  stream.bytes += packet.payload.size();
  stream.packets.push_back(std::move(packet));
  arm(connection, to);
}

void MemorySwitch::arm(Connection& connection, Side to) {
  const End& end = connection.at(to);
  Stream& stream = connection.at(to).incoming;
  const std::size_t next = is_paused(end) ? stream.arrived : 0;
  const bool is_stalled = stream.patience && next == stream.arrived;
  if (connection.phase == Connection::Phase::opening || stream.packets.size() <= next || stream.delivery ||
      is_stalled) {
    return;
  }
  stream.delivery = scheduler_.call_later(stream.packets[next].due - scheduler_.now(),
                                          [this, id = connection.info.link, to] { deliver(id, to); });
}

void MemorySwitch::deliver(LinkId id, Side to) {
  Connection& connection = connections_.at(id);
  End& end = connection.at(to);
  Stream& stream = end.incoming;
  stream.delivery.reset();
  const bool is_waiting_there = stream.arrived != 0 && !is_paused(end);
  if (!is_waiting_there && !gets_through(connection, to)) return;
  if (is_paused(end)) {
    ++stream.arrived;
    arm(connection, to);
  } else if (!is_held_back(connection, to)) {  // otherwise it waits until a reply has arrived
    take(connection, to);
  }
}

bool MemorySwitch::gets_through(Connection& connection, Side to) {
  const LinkId id = connection.info.link;
  End& end = connection.at(to);
  if (is_blocked(connection.at(other(to)).address, end.address)) {
    end.incoming.patience = scheduler_.call_later(
        options_.patience, [this, id, to] { break_up(connections_.at(id), Errc::outcome_unknown, other(to)); });
    return false;
  }
  if (end.transport != nullptr) return true;
  // Its process has ended. What it said last is still to arrive, where it ended in order.
  if (connection.at(other(to)).incoming.ended) {
    end.incoming = {};
  } else {
    break_up(connection, Errc::outcome_unknown);
  }
  return false;
}

void MemorySwitch::take(Connection& connection, Side to) {
  End& end = connection.at(to);
  Stream& stream = end.incoming;
  Packet packet = std::move(stream.packets.front());
  stream.packets.pop_front();
  stream.bytes -= packet.payload.size();
  if (stream.arrived != 0) --stream.arrived;
  const bool is_last = connection.phase == Connection::Phase::broken && stream.packets.empty();
  if (is_last && !end.notice) give_notice(connection, to, Duration::zero());
  if (packet.is_end) {
    break_up(connection, Errc::outcome_unknown, to);
    return;
  }
  arm(connection, to);
  arm(connection, other(to));
  hand_over(connection.info.link, to, std::move(packet));
}

bool MemorySwitch::is_held_back(const Connection& connection, Side to) const {
  return to == Side::acceptor && connection.phase == Connection::Phase::open &&
         connection.at(Side::opener).incoming.bytes > options_.max_queued_bytes / 4;
}

void MemorySwitch::hand_over(LinkId id, Side to, Packet packet) {
  const Frame frame{packet.type, packet.payload};
  const bool was_broken = connections_.at(id).phase == Connection::Phase::broken;
  if (filter_ && !packet.is_seen && !passes_filter(connections_.at(id), to, frame)) {
    if (Connection* refused = find(id)) break_up(*refused, Errc::outcome_unknown);
    return;
  }
  Connection* connection = find(id);
  // The filter may have broken it, or crashed or paused the node.
  if (connection == nullptr || connection->at(to).transport == nullptr) return;
  if (connection->phase == Connection::Phase::broken && !was_broken) return;
  if (is_paused(connection->at(to))) return put_back(*connection, to, std::move(packet));
  TransportReceiver& receiver = connection->at(to).transport->receiver();
  if (to == Side::acceptor) {
    const LinkInfo info = connection->info;
    receiver.on_request(info, frame);
  } else {
    const Peer peer = connection->peer;
    receiver.on_reply(peer, connection->info.lane, frame);
  }
}

bool MemorySwitch::passes_filter(const Connection& connection, Side to, const Frame& frame) {
  const Address sender = connection.at(other(to)).address;
  const Address receiver = connection.at(to).address;
  // Called from outside of its place, since it may set another, or none.
  FrameFilter filter = std::exchange(filter_, nullptr);
  const std::uint64_t number = filters_set_;
  const bool passes = filter(sender, receiver, connection.info.lane, frame);
  if (filters_set_ == number) filter_ = std::move(filter);
  return passes;
}

void MemorySwitch::retry_stalled() {
  for (auto& [id, connection] : connections_) {
    for (const Side to : {Side::opener, Side::acceptor}) {
      Stream& stream = connection.at(to).incoming;
      if (!stream.patience || is_blocked(connection.at(other(to)).address, connection.at(to).address)) continue;
      stream.patience.reset();
      const Instant soonest = scheduler_.now() + latency();
      for (Packet& packet : stream.packets)
        packet.due = std::max(packet.due, soonest);
      arm(connection, to);
    }
  }
}

}  // namespace dht::testing
