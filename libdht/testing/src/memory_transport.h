// MemoryTransport: one node's end of a MemoryNetwork. It keeps who the node is and whom it could not reach; the network
// does the rest.
//
// Thread rule: that of the network.
#pragma once

#include <cstdint>
#include <map>
#include <system_error>
#include <utility>

#include <dht/scheduler.h>
#include <dht/transport.h>

#include "memory_switch.h"

namespace dht::testing {

class MemoryTransport final : public Transport {
 public:
  MemoryTransport(MemorySwitch& network, Address address);
  ~MemoryTransport() override;
  MemoryTransport(const MemoryTransport&) = delete;
  MemoryTransport& operator=(const MemoryTransport&) = delete;

  void start(const LocalIdentity& identity, TransportReceiver& receiver) override;
  void set_identity(const LocalIdentity& identity) override;
  Sent send(const Peer& peer, Lane lane, Frame frame) override;
  std::error_code reply(LinkId link, Frame frame) override;
  void disconnect(const Peer& peer) override;
  void close_link(LinkId link) override;
  void stop() override;

  // For the network.

  const Address& address() const noexcept { return address_; }
  const LocalIdentity& identity() const noexcept { return identity_; }
  bool is_running() const noexcept { return receiver_ != nullptr; }
  bool is_paused() const noexcept { return paused_; }
  void set_paused(bool paused) noexcept { paused_ = paused; }
  /// Only while running.
  TransportReceiver& receiver() const noexcept;
  /// The receiver is never called again.
  void end() noexcept { receiver_ = nullptr; }
  /// An attempt to connect failed: the next one is made at `until` or later.
  void back_off(const Peer& peer, Lane lane, Instant until) { not_before_[{peer, lane}] = until; }
  bool is_backing_off(const Peer& peer, Lane lane, Instant now) const;

 private:
  /// What forbids to send the frame, whatever the state of the connection.
  std::error_code refusal(const Frame& frame) const noexcept;

  MemorySwitch& network_;
  Address address_;
  LocalIdentity identity_;
  TransportReceiver* receiver_ = nullptr;  ///< null before the start and from the end on
  bool paused_ = false;
  std::map<std::pair<Peer, Lane>, Instant> not_before_;
};

}  // namespace dht::testing
