// MemorySwitch, the inside of MemoryNetwork: all connections between its transports, and the faults in force.
//
// Opening is in memory_switch.cc, moving packets in memory_delivery.cc, ending in memory_breaks.cc, pauses
// in memory_pauses.cc, and what else tests ask for in memory_faults.cc. After a call to a receiver nothing is taken for
// granted: its owner may have changed anything.
//
// Thread rule: that of the network.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include <dht/testing/manual_scheduler.h>
#include <dht/testing/memory_network.h>

#include "memory_connection.h"

namespace dht::testing {

class MemorySwitch {
 public:
  MemorySwitch(Timeline& timeline, std::uint64_t seed, const MemoryNetworkOptions& options);

  // For transports; each must be running.

  void listen(MemoryTransport& transport);
  Sent send(MemoryTransport& from, const Peer& peer, Lane lane, Frame frame);
  std::error_code reply(MemoryTransport& from, LinkId link, Frame frame);
  void disconnect(MemoryTransport& from, const Peer& peer);
  void close_link(MemoryTransport& from, LinkId link);
  void stop(MemoryTransport& transport);

  // For tests.

  using FrameFilter = MemoryNetwork::FrameFilter;

  void crash(const Address& address, MemoryNetwork::Crash kind);
  void pause(const Address& address);
  void resume(const Address& address);
  void cut_one_way(const Address& from, const Address& to) { cuts_.emplace(from, to); }
  void slow_one_way(const Address& from, const Address& to, Duration extra) { slow_[{from, to}] = extra; }
  void heal(const Address& a, const Address& b);
  void heal();
  void break_connections(const Address& a, const Address& b);
  void set_latency(Duration min, Duration max);
  void set_filter(FrameFilter filter);

 private:
  using OpenedKey = std::tuple<const MemoryTransport*, Peer, Lane>;

  // Opening: open, knock, arrive, accept, establish; or a refusal on the way.
  Connection& open(MemoryTransport& from, const Peer& peer, Lane lane);
  void knock(Connection& connection);
  void arrive(LinkId id);
  void accept(Connection& connection, MemoryTransport& listener);
  void give_up_later(Connection& connection);
  /// An older connection of the same opener and lane is closed, and its acceptor told, before the new one brings
  /// frames.
  void supersede(const LinkInfo& newer, const MemoryTransport& listener);
  void establish(LinkId id);

  // Moving packets.
  std::error_code enqueue(Connection& connection, Side to, Frame frame);
  void enqueue_end(Connection& connection, Side to);
  void push(Connection& connection, Side to, Packet packet);
  void arm(Connection& connection, Side to);
  void deliver(LinkId id, Side to);
  /// Whether the next packet can reach that end's machine; where not, what follows from it is under way.
  bool gets_through(Connection& connection, Side to);
  void take(Connection& connection, Side to);
  /// An acceptor takes no requests while its replies pile up.
  bool is_held_back(const Connection& connection, Side to) const;
  void hand_over(LinkId id, Side to, Packet packet);
  bool passes_filter(const Connection& connection, Side to, const Frame& frame);
  bool is_blocked(const Address& from, const Address& to) const;
  void retry_stalled();

  // A paused process takes no step of a handshake and no packet, and is not told of breaks.
  static bool is_paused(const End& end);
  static void put_back(Connection& connection, Side to, Packet packet);
  void go_on(Connection& connection, Side side);

  // Ending. From `break_up` on nothing is on its way any more; each end is told when it can have noticed, after what
  // has arrived there. The connection may be gone when it returns.
  void break_up(Connection& connection, std::error_code reason);
  void break_up(Connection& connection, std::error_code reason, Side at_once);
  void break_up(Connection& connection, std::error_code reason, Duration notice_of_opener, Duration notice_of_acceptor);
  Duration delay_of_notice(Connection& connection, Side to);
  void give_notice(Connection& connection, Side to, Duration delay);
  void notify(LinkId id, Side to);
  /// That end takes no more part. Where it was the opener's, the connection that waited for this comes next.
  void detach(Connection& connection, Side side);
  void erase_if_done(LinkId id);
  /// Each connection of the transport, with its side of it; erased afterwards where nobody is left.
  void for_each_end_of(const MemoryTransport& transport, Function<void(Connection&, Side)> action);

  Connection* find(LinkId id);
  Duration latency();
  /// Of what the first sends to the second, on top of that.
  Duration extra_latency(const Address& from, const Address& to) const;

  MemoryNetworkOptions options_;
  ManualScheduler scheduler_;
  LinkId last_id_ = 0;
  std::map<Address, MemoryTransport*> listeners_;
  std::map<LinkId, Connection> connections_;
  std::map<OpenedKey, LinkId> opened_;  ///< the connection by which a transport sends
  std::set<std::pair<Address, Address>> cuts_;
  std::map<std::pair<Address, Address>, Duration> slow_;
  std::set<Address> silent_;  ///< machines that crashed and have not come back
  FrameFilter filter_;
  std::uint64_t filters_set_ = 0;
};

}  // namespace dht::testing
