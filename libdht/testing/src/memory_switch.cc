// What transports ask of a MemorySwitch, and how it opens connections.
#include "memory_switch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <dht/error.h>

#include "base/assert.h"
#include "memory_transport.h"

namespace dht::testing {

MemorySwitch::MemorySwitch(Timeline& timeline, std::uint64_t seed, const MemoryNetworkOptions& options)
    : options_(options), scheduler_(timeline, seed) {
  set_latency(options.latency_min, options.latency_max);
}

Connection* MemorySwitch::find(LinkId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second;
}

void MemorySwitch::listen(MemoryTransport& transport) {
  [[maybe_unused]] const bool is_free = listeners_.emplace(transport.address(), &transport).second;
  DHT_ASSERT(is_free);
  // A machine that came back answers to what was sent to its predecessor: it knows no such connection.
  if (silent_.erase(transport.address()) != 0) retry_stalled();
}

Sent MemorySwitch::send(MemoryTransport& from, const Peer& peer, Lane lane, Frame frame) {
  const auto opened = opened_.find({&from, peer, lane});
  if (opened == opened_.end() && from.is_backing_off(peer, lane, scheduler_.now())) return {Errc::unreachable, 0};
  Connection& connection = opened != opened_.end() ? connections_.at(opened->second) : open(from, peer, lane);
  if (const auto error = enqueue(connection, Side::acceptor, frame)) return {error, 0};
  return {{}, connection.info.link};
}

std::error_code MemorySwitch::reply(MemoryTransport& from, LinkId link, Frame frame) {
  Connection* connection = find(link);
  if (connection == nullptr || connection->at(Side::acceptor).transport != &from) return {};
  return enqueue(*connection, Side::opener, frame);
}

void MemorySwitch::disconnect(MemoryTransport& from, const Peer& peer) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const auto opened = opened_.find({&from, peer, static_cast<Lane>(lane)});
    if (opened == opened_.end()) continue;
    enqueue_end(connections_.at(opened->second), Side::acceptor);
    opened_.erase(opened);  // what is sent from now on goes over a new connection
  }
}

void MemorySwitch::close_link(MemoryTransport& from, LinkId link) {
  Connection* connection = find(link);
  if (connection != nullptr && connection->at(Side::acceptor).transport == &from) {
    enqueue_end(*connection, Side::opener);
  }
}

void MemorySwitch::stop(MemoryTransport& transport) {
  transport.end();
  listeners_.erase(transport.address());
  for_each_end_of(transport, [this](Connection& connection, Side side) {
    detach(connection, side);
    if (connection.phase == Connection::Phase::opening) {
      break_up(connection, Errc::unreachable);
    } else {
      connection.at(side).incoming = {};
      enqueue_end(connection, other(side));
    }
  });
}

Connection& MemorySwitch::open(MemoryTransport& from, const Peer& peer, Lane lane) {
  const LinkId id = ++last_id_;
  Connection& connection = connections_[id];
  connection.peer = peer;
  connection.info = {.link = id, .node = {}, .cluster = peer.cluster, .lane = lane};
  connection.at(Side::opener).address = from.address();
  connection.at(Side::opener).transport = &from;
  connection.at(Side::acceptor).address = peer.address;
  opened_.emplace(OpenedKey{&from, peer, lane}, id);
  // A predecessor that is still being closed empties first: opened at once, this one would supersede it.
  const bool must_wait = std::any_of(connections_.begin(), connections_.find(id), [&](const auto& earlier) {
    return earlier.second.is_opened_by(from, peer, lane);
  });
  if (!must_wait) knock(connection);
  return connection;
}

void MemorySwitch::knock(Connection& connection) {
  connection.handshake = scheduler_.call_later(latency(), [this, id = connection.info.link] { arrive(id); });
}

void MemorySwitch::arrive(LinkId id) {
  Connection& connection = connections_.at(id);
  const Address& to = connection.at(Side::acceptor).address;
  if (is_blocked(connection.at(Side::opener).address, to)) {
    give_up_later(connection);
    return;
  }
  const auto listener = listeners_.find(to);
  if (listener == listeners_.end()) {
    break_up(connection, Errc::unreachable);
    return;
  }
  if (listener->second->is_paused()) {
    connection.awaited = Connection::Awaited::acceptor;
    give_up_later(connection);
    return;
  }
  const LocalIdentity& found = listener->second->identity();
  const Peer& wanted = connection.peer;
  if ((wanted.node && wanted.node != found.node) || (wanted.cluster && wanted.cluster != found.cluster)) {
    break_up(connection, Errc::incompatible);
    return;
  }
  accept(connection, *listener->second);
}

void MemorySwitch::accept(Connection& connection, MemoryTransport& listener) {
  End& opener = connection.at(Side::opener);
  End& acceptor = connection.at(Side::acceptor);
  connection.info.node = opener.transport->identity().node;
  acceptor.transport = &listener;
  const LinkInfo info = connection.info;
  if (is_blocked(acceptor.address, opener.address)) {
    give_up_later(connection);
  } else {
    connection.handshake = scheduler_.call_later(latency(), [this, id = info.link] { establish(id); });
  }
  supersede(info, listener);
}

void MemorySwitch::give_up_later(Connection& connection) {
  connection.handshake = scheduler_.call_later(options_.connect_timeout, [this, id = connection.info.link] {
    break_up(connections_.at(id), Errc::unreachable, Side::opener);
  });
}

void MemorySwitch::supersede(const LinkInfo& newer, const MemoryTransport& listener) {
  std::vector<LinkId> older;
  for (auto& [id, connection] : connections_) {
    const LinkInfo& info = connection.info;
    if (id != newer.link && connection.at(Side::acceptor).transport == &listener && info.node == newer.node &&
        info.lane == newer.lane && static_cast<bool>(info.cluster) == static_cast<bool>(newer.cluster)) {
      older.push_back(id);
    }
  }
  for (const LinkId id : older) {
    Connection* connection = find(id);
    if (connection == nullptr) continue;
    break_up(*connection, Errc::outcome_unknown);
    connection->at(Side::acceptor).incoming = {};
    notify(id, Side::acceptor);
  }
}

void MemorySwitch::establish(LinkId id) {
  Connection& connection = connections_.at(id);
  connection.handshake.reset();
  if (is_paused(connection.at(Side::opener))) {
    connection.awaited = Connection::Awaited::opener;
    return;
  }
  connection.phase = Connection::Phase::open;
  Instant due = scheduler_.now();
  for (Packet& packet : connection.at(Side::acceptor).incoming.packets) {
    packet.due = due = std::max(due, scheduler_.now() + latency());
  }
  arm(connection, Side::acceptor);
  arm(connection, Side::opener);
}

}  // namespace dht::testing
