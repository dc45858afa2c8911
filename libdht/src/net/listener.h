// Listener: accepts connections on every address of one host.
//
// Thread rule: `start` once; `stop` from any thread, after which no socket is handed over. Handlers in the io_context
// share the ownership.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <dht/types.h>

#include "net/environment.h"

namespace dht::net {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  /// Takes a socket on one of the loops, from any of their threads.
  using Handler = std::function<void(asio::ip::tcp::socket)>;

  /// Binds every address that the host resolves to; port 0: a free one, the same for all. Throws std::system_error.
  Listener(std::shared_ptr<Environment> environment, std::vector<asio::io_context*> loops, const Address& address);

  /// With the real port.
  const Address& address() const noexcept { return address_; }
  void start(Handler handler);
  void stop();

 private:
  /// One bound address.
  struct Door {
    asio::ip::tcp::acceptor acceptor;
    asio::steady_timer pause;
    bool failing = false;  ///< the last accept failed, and that has been logged
  };

  void bind_all(const std::vector<asio::ip::tcp::endpoint>& endpoints);
  void bind(asio::ip::tcp::endpoint endpoint, std::error_code& error);
  void accept(Door& door);
  void accept_failed(Door& door, std::error_code error);

  const std::shared_ptr<Environment> environment_;
  const std::vector<asio::io_context*> loops_;
  Address address_;
  Handler handler_;
  std::mutex mutex_;  // guards what follows, acceptors and timers included
  bool stopped_ = false;
  std::size_t next_loop_ = 0;
  std::vector<std::unique_ptr<Door>> doors_;
};

}  // namespace dht::net
