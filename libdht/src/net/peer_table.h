// PeerTable: the connections that we opened, one per peer and lane, with the back-off of those that fail.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <system_error>
#include <unordered_map>
#include <vector>

#include <asio/io_context.hpp>

#include <dht/transport.h>

#include "net/environment.h"
#include "net/opened_connection.h"

namespace dht::net {

class PeerTable : public std::enable_shared_from_this<PeerTable> {
 public:
  PeerTable(std::shared_ptr<Environment> environment, std::vector<asio::io_context*> loops);

  Sent send(const Peer& peer, Lane lane, Frame frame);
  void disconnect(const Peer& peer);
  /// Severs all; later frames are refused.
  void stop();

 private:
  using Clock = OpenedConnection::Clock;
  using ConnectionPtr = std::shared_ptr<OpenedConnection>;

  struct Key {
    Peer peer;
    Lane lane = Lane::control;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  struct Slot {
    ConnectionPtr connection{};
    std::uint32_t failures = 0;      ///< in a row
    Clock::time_point not_before{};  ///< of the next attempt
  };

  ConnectionPtr find(const Key& key) const;
  /// Null, and `error` says why, where there is none and none may be opened now.
  ConnectionPtr find_or_open(const Key& key, std::error_code& error);
  ConnectionPtr make_connection(const Key& key, const Slot& slot);
  void ended(OpenedConnection& connection, std::error_code reason);
  void set_backoff(Slot& slot, const OpenedConnection& ended);
  void forget_idle_slots();

  const std::shared_ptr<Environment> environment_;
  const std::vector<asio::io_context*> loops_;
  mutable std::shared_mutex mutex_;
  bool stopped_ = false;
  std::size_t next_loop_ = 0;
  ConnectionId last_id_ = 0;
  std::minstd_rand jitter_{std::random_device{}()};
  std::unordered_map<Key, Slot, KeyHash> slots_;
};

}  // namespace dht::net
