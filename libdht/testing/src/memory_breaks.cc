// How connections of a MemorySwitch end, and how their ends are told.
#include <algorithm>
#include <utility>
#include <vector>

#include <dht/error.h>

#include "memory_switch.h"
#include "memory_transport.h"

namespace dht::testing {

void MemorySwitch::break_up(Connection& connection, std::error_code reason) {
  const Duration of_opener = delay_of_notice(connection, Side::opener);
  const Duration of_acceptor = delay_of_notice(connection, Side::acceptor);
  break_up(connection, reason, of_opener, of_acceptor);
}

void MemorySwitch::break_up(Connection& connection, std::error_code reason, Side at_once) {
  const Duration later = delay_of_notice(connection, other(at_once));
  const bool opener_first = at_once == Side::opener;
  break_up(connection, reason, opener_first ? Duration::zero() : later, opener_first ? later : Duration::zero());
}

void MemorySwitch::break_up(Connection& connection, std::error_code reason, Duration notice_of_opener,
                            Duration notice_of_acceptor) {
  if (connection.phase == Connection::Phase::broken) return;
  // Before it is open nothing has been delivered.
  if (connection.phase == Connection::Phase::opening && reason == Errc::outcome_unknown) reason = Errc::unreachable;
  connection.phase = Connection::Phase::broken;
  connection.handshake.reset();
  for (const Side side : {Side::opener, Side::acceptor}) {
    connection.at(side).reason = reason;
    connection.at(side).incoming.break_off();
    arm(connection, side);
  }
  give_notice(connection, Side::opener, notice_of_opener);
  give_notice(connection, Side::acceptor, notice_of_acceptor);
  erase_if_done(connection.info.link);
}

void MemorySwitch::give_notice(Connection& connection, Side to, Duration delay) {
  End& end = connection.at(to);
  if (end.transport == nullptr) return;
  end.notice = scheduler_.call_later(delay, [this, id = connection.info.link, to] { notify(id, to); });
}

Duration MemorySwitch::delay_of_notice(Connection& connection, Side to) {
  const bool blocked = is_blocked(connection.at(other(to)).address, connection.at(to).address);
  return blocked ? options_.patience : latency();
}

void MemorySwitch::notify(LinkId id, Side to) {
  Connection* connection = find(id);
  if (connection == nullptr || connection->at(to).transport == nullptr) return;
  End& end = connection->at(to);
  if (is_paused(end) || !end.incoming.packets.empty()) {
    end.notice.reset();  // it is given anew when the rest has been taken
    return;
  }
  MemoryTransport& transport = *end.transport;
  const std::error_code reason = end.reason;
  const LinkInfo info = connection->info;
  const Peer peer = connection->peer;
  detach(*connection, to);
  erase_if_done(id);
  if (to == Side::opener) {
    const bool failed = reason == Errc::unreachable || reason == Errc::incompatible;
    if (failed && !peer.is_guest()) transport.back_off(peer, info.lane, scheduler_.now() + options_.backoff);
    transport.receiver().on_broken(peer, info.lane, id, reason);
  } else {
    transport.receiver().on_link_closed(info);
  }
}

void MemorySwitch::detach(Connection& connection, Side side) {
  End& end = connection.at(side);
  const MemoryTransport* const transport = std::exchange(end.transport, nullptr);
  end.notice.reset();
  end.incoming.arrived = 0;
  if (side == Side::acceptor) return;
  const LinkId id = connection.info.link;
  const auto opened = opened_.find({transport, connection.peer, connection.info.lane});
  if (opened != opened_.end() && opened->second == id) opened_.erase(opened);
  const auto next = std::find_if(connections_.upper_bound(id), connections_.end(), [&](const auto& later) {
    return later.second.is_opened_by(*transport, connection.peer, connection.info.lane) && later.second.is_waiting();
  });
  if (next != connections_.end()) knock(next->second);
}

void MemorySwitch::for_each_end_of(const MemoryTransport& transport, Function<void(Connection&, Side)> action) {
  std::vector<std::pair<LinkId, Side>> ends;
  for (auto& [id, connection] : connections_) {
    for (const Side side : {Side::opener, Side::acceptor}) {
      if (connection.at(side).transport == &transport) ends.emplace_back(id, side);
    }
  }
  for (const auto& [id, side] : ends) {
    // A transport that talks to itself has both ends of a connection.
    if (Connection* connection = find(id)) action(*connection, side);
    erase_if_done(id);
  }
}

void MemorySwitch::erase_if_done(LinkId id) {
  const auto found = connections_.find(id);
  if (found != connections_.end() && !found->second.has_ends()) connections_.erase(found);
}

}  // namespace dht::testing
