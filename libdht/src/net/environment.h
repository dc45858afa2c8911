// Environment: what all connections of one transport share.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include <mutex>
#include <string_view>
#include <utility>

#include <dht/asio.h>

#include "net/receiver_gate.h"

namespace dht::net {

class Environment {
 public:
  explicit Environment(TcpTransportOptions options) : options_(std::move(options)) {}

  const TcpTransportOptions& options() const noexcept { return options_; }
  ReceiverGate& gate() noexcept { return gate_; }

  LocalIdentity identity() const {
    std::lock_guard lock(mutex_);
    return identity_;
  }
  void set_identity(const LocalIdentity& identity) {
    std::lock_guard lock(mutex_);
    identity_ = identity;
  }
  void log(LogLevel level, std::string_view line) const {
    if (options_.log) options_.log(level, line);
  }

 private:
  const TcpTransportOptions options_;
  ReceiverGate gate_;
  mutable std::mutex mutex_;
  LocalIdentity identity_;
};

}  // namespace dht::net
