// One connection of a MemoryNetwork, as data: two ends, and a stream of packets towards each.
//
// Thread rule: that of the network.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <system_error>

#include <dht/scheduler.h>
#include <dht/transport.h>

namespace dht::testing {

class MemoryTransport;

enum class Side : std::uint8_t { opener, acceptor };
constexpr Side other(Side side) noexcept { return side == Side::opener ? Side::acceptor : Side::opener; }

/// A frame on its way, or the sender's orderly end of the connection.
struct Packet {
  Instant due;
  bool is_end = false;
  bool is_seen = false;  ///< by the filter
  std::uint16_t type = 0;
  std::string payload;
};

/// What is on its way towards one end.
struct Stream {
  std::deque<Packet> packets;                  ///< in order of sending, so in ascending order of `due`
  std::size_t bytes = 0;                       ///< of their payloads
  std::size_t arrived = 0;                     ///< the first of them that only wait for a paused process to take them
  bool ended = false;                          ///< an end is among the packets; frames sent after it are lost
  std::unique_ptr<Scheduler::Timer> delivery;  ///< of the first packet that is to move
  std::unique_ptr<Scheduler::Timer> patience;  ///< set while the first that has not arrived does not get through

  /// Nothing more comes; what has arrived is left.
  void break_off() {
    for (; packets.size() > arrived; packets.pop_back())
      bytes -= packets.back().payload.size();
    delivery.reset();
    patience.reset();
  }
};

struct End {
  Address address;
  MemoryTransport* transport = nullptr;  ///< null before it accepted, and when it is gone or knows of the break
  Stream incoming;
  std::error_code reason;                    ///< of the break
  std::unique_ptr<Scheduler::Timer> notice;  ///< of it; none while something else comes first
};

struct Connection {
  enum class Phase : std::uint8_t {
    opening,  ///< the opener's frames wait
    open,
    broken,  ///< nothing is on its way any more; each end is still to be told
  };
  enum class Awaited : std::uint8_t { nobody, opener, acceptor };

  Peer peer;
  LinkInfo info;  ///< its `link` names the connection at both ends
  Phase phase = Phase::opening;
  std::array<End, 2> ends;
  std::unique_ptr<Scheduler::Timer> handshake;  ///< its next step, while opening
  Awaited awaited = Awaited::nobody;            ///< the paused one who has that step to take

  End& at(Side side) noexcept { return ends[static_cast<std::size_t>(side)]; }
  const End& at(Side side) const noexcept { return ends[static_cast<std::size_t>(side)]; }
  bool is_opened_by(const MemoryTransport& transport, const Peer& to, Lane lane) const noexcept {
    return at(Side::opener).transport == &transport && peer == to && info.lane == lane;
  }
  /// For a predecessor to be closed.
  bool is_waiting() const noexcept {
    return phase == Phase::opening && handshake == nullptr && awaited == Awaited::nobody;
  }
  bool has_ends() const noexcept { return ends[0].transport != nullptr || ends[1].transport != nullptr; }
};

}  // namespace dht::testing
