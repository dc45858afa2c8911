// How processes of a MemorySwitch pause and go on.
#include <utility>

#include "memory_switch.h"
#include "memory_transport.h"

namespace dht::testing {

bool MemorySwitch::is_paused(const End& end) { return end.transport != nullptr && end.transport->is_paused(); }

void MemorySwitch::pause(const Address& address) {
  const auto listener = listeners_.find(address);
  if (listener != listeners_.end()) listener->second->set_paused(true);
}

void MemorySwitch::resume(const Address& address) {
  const auto listener = listeners_.find(address);
  if (listener == listeners_.end() || !listener->second->is_paused()) return;
  MemoryTransport& transport = *listener->second;
  transport.set_paused(false);
  // Nothing is called from here: each step has a task of its own.
  for (auto& [id, connection] : connections_) {
    for (const Side side : {Side::opener, Side::acceptor}) {
      if (connection.at(side).address == address) go_on(connection, side);
    }
  }
}

void MemorySwitch::go_on(Connection& connection, Side side) {
  const LinkId id = connection.info.link;
  const auto awaited = side == Side::opener ? Connection::Awaited::opener : Connection::Awaited::acceptor;
  if (connection.phase == Connection::Phase::opening && connection.awaited == awaited) {
    connection.awaited = Connection::Awaited::nobody;
    connection.handshake = scheduler_.call_later(
        Duration::zero(), [this, id, side] { side == Side::opener ? establish(id) : arrive(id); });
  }
  arm(connection, side);
  const End& end = connection.at(side);
  const bool is_untold = connection.phase == Connection::Phase::broken && !end.notice && end.incoming.packets.empty();
  if (is_untold) give_notice(connection, side, Duration::zero());
}

void MemorySwitch::put_back(Connection& connection, Side to, Packet packet) {
  Stream& stream = connection.at(to).incoming;
  packet.is_seen = true;
  stream.bytes += packet.payload.size();
  stream.packets.push_front(std::move(packet));
  ++stream.arrived;
}

}  // namespace dht::testing
