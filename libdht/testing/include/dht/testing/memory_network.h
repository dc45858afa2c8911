// MemoryNetwork: Transports without sockets, on virtual time, with the faults of a real network on request.
//
// It keeps every promise of dht/transport.h and, from one seed, always does the same: each frame takes a while drawn
// from the range of latencies, the frames of one connection stay in order, connections are opened by the first send and
// refused where cluster or node do not match.
//
// Thread rule: one thread only, the one that runs the timeline. The network outlives its transports, and the timeline
// the network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <dht/function.h>
#include <dht/testing/timeline.h>
#include <dht/transport.h>

namespace dht::testing {

class MemorySwitch;

struct MemoryNetworkOptions {
  /// How long one frame is on its way: between these, evenly spread.
  Duration latency_min = std::chrono::microseconds{100};
  Duration latency_max = std::chrono::milliseconds{1};
  /// When an attempt to connect to something silent is given up.
  Duration connect_timeout = std::chrono::seconds{1};
  /// For how long after a failed attempt `send` says unreachable instead of making another.
  Duration backoff = std::chrono::milliseconds{50};
  /// When a connection breaks over which nothing gets through any more.
  Duration patience = std::chrono::seconds{2};
  /// Payloads on their way, per connection and direction, past which `send` and `reply` say overloaded. A single frame
  /// of any lawful size is taken. An acceptor with more than a quarter on its way back is given no further request.
  std::size_t max_queued_bytes = 64u * 1024 * 1024;
};

class MemoryNetwork {
 public:
  /// Decides about a frame at the moment of its delivery: false breaks the connection instead.
  using FrameFilter = Function<bool(const Address& from, const Address& to, Lane lane, Frame frame)>;

  enum class Crash {
    process,  ///< the machine lives on and resets the connections: peers notice after one latency
    machine,  ///< silence: peers notice when something that they send is not received in time, and not before
  };

  explicit MemoryNetwork(Timeline& timeline, std::uint64_t seed = 1, MemoryNetworkOptions options = {});
  ~MemoryNetwork();
  MemoryNetwork(const MemoryNetwork&) = delete;
  MemoryNetwork& operator=(const MemoryNetwork&) = delete;

  /// A transport whose peers reach it at `address` from its start to its stop or crash. `stop` acts like the orderly
  /// end of a process: what it sent before still arrives. Only one at a time may listen at an address; after a crash a
  /// new one may take it, while the crashed one still awaits its destruction.
  std::unique_ptr<Transport> make_transport(Address address);

  // Faults. An address at which nothing listens is no error.

  /// Ends what listens at `address` in mid-sentence: its receiver is never called again, its calls fail with `stopped`.
  void crash(const Address& address, Crash kind = Crash::process);
  /// What listens at `address` is held as by SIGSTOP: its receiver is not called until `resume`, while its machine goes
  /// on. What it sent still arrives; what is sent to it waits there, and no connection breaks for that. Nobody answers
  /// who would open one: the attempt is unreachable after `connect_timeout`. A connection that breaks for another
  /// reason keeps what has arrived: after the pause its receiver gets that first and is then told.
  void pause(const Address& address);
  void resume(const Address& address);
  /// Nothing gets through in either direction, until `heal`. Connections that try break when patience ends.
  void cut(const Address& a, const Address& b);
  void cut_one_way(const Address& from, const Address& to);
  /// What is sent from the one to the other from now on takes so much longer, until `heal`.
  void slow_one_way(const Address& from, const Address& to, Duration extra);
  /// Ends the cuts and delays between the two; what was on its way and did not lose patience arrives.
  void heal(const Address& a, const Address& b);
  /// Ends all of them.
  void heal();
  /// Breaks the connections between the two at once, with all that is on its way. New ones may be opened.
  void break_connections(const Address& a, const Address& b);
  void set_latency(Duration min, Duration max);
  /// Shows every frame to `filter`, to look on or to fail at a chosen message. An empty one ends that.
  void set_filter(FrameFilter filter);

 private:
  std::unique_ptr<MemorySwitch> switch_;
};

}  // namespace dht::testing
