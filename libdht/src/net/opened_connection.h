// OpenedConnection: one attempt to reach a peer, from the first frame queued for it to the moment that it is broken.
// Finds and connects to an address of the peer, shakes hands, and then carries frames.
//
// Thread rule: as for Connection. `start` may be called from any thread, once.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <dht/function.h>

#include "net/connection.h"

namespace dht::net {

class OpenedConnection final : public Connection {
 public:
  using Clock = std::chrono::steady_clock;
  /// Called once, on the connection's strand, when it has ended.
  using EndHandler = Function<void(OpenedConnection&, std::error_code reason)>;

  struct Target {
    ConnectionId id = 0;
    Peer peer{};
    Lane lane = Lane::control;
    bool was_failing = false;  ///< its failure is no news: log it at level debug
  };

  OpenedConnection(std::shared_ptr<Environment> environment, const asio::any_io_executor& executor, Target target,
                   EndHandler on_end);

  void start();
  const Target& target() const noexcept { return target_; }
  /// When the handshake was done; strand only.
  std::optional<Clock::time_point> opened_at() const noexcept { return opened_at_; }

 private:
  enum class Phase : std::uint8_t { connecting, greeting, hello, open };

  bool consume_input() override;
  void read_failed(std::error_code error) override;
  void after_end(std::error_code reason) override;
  std::string peer_name() const override;

  void resolve();
  void connect(const asio::ip::tcp::resolver::results_type& endpoints);
  void shake_hands();
  void take_greeting();
  void take_hello_reply();
  void fail(std::error_code reason, std::string_view why);
  LogLevel failure_level() const;

  const Target target_;
  EndHandler on_end_;
  asio::ip::tcp::resolver resolver_;
  Phase phase_ = Phase::connecting;
  std::optional<Clock::time_point> opened_at_;
};

}  // namespace dht::net
