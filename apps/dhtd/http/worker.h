// Worker: one event loop's share of the listener: its acceptors, its connections, the timer that looks after them.
//
// Each worker has sockets of its own on the common port, and the system spreads connections over them (SO_REUSEPORT).
//
// The loop tells of many connections at once. What they sent is read first, then handled, then answered: so each piece
// of code runs many times while it is in the processor's caches, and the handler is told of requests of many
// connections together.
//
// Thread rule: used from its loop's thread, except for the constructor, `runs_here` and `loop`. It must be destroyed
// while its loop does not run, before the loop, and after everything that may still answer requests.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <dht/log.h>

#include "http/batch.h"
#include "http/burst.h"
#include "http/failure.h"
#include "http/limits.h"
#include "http/patience.h"
#include "http/responder.h"
#include "http/socket_handle.h"
#include "http/watched_socket.h"

namespace dhtd::http {

class Connection;

struct ServeOptions {
  Limits limits;
  Timeouts timeouts;
  std::size_t max_connections = 10'000;  ///< of all workers together
  dht::LogSink log;
};

/// Takes over a connection that has left HTTP, with the bytes that came after the request.
using UpgradeHandler = std::function<void(asio::ip::tcp::socket socket, std::string_view leftover)>;

/// What all workers have in common.
struct Service {
  Service(ServeOptions its_options, RequestHandler& its_handler, UpgradeHandler its_upgrade)
      : options(std::move(its_options)), handler(its_handler), upgrade(std::move(its_upgrade)) {}

  const ServeOptions options;
  RequestHandler& handler;
  UpgradeHandler upgrade;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> accepting_workers{0};
  Burst accept_failures;
  Burst turned_away;
  Burst refusals;
};

class Worker {
 public:
  Worker(asio::io_context& loop, Service& service);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Before `start`. The acceptor is bound and listens.
  void add(asio::ip::tcp::acceptor acceptor);
  void start();
  /// Takes no more connections, and closes those that there are once they have their answers. The answers say for a
  /// moment that they are the last before any connection is closed unasked, so that busy clients lose no request.
  void finish();

  asio::io_context& loop() noexcept { return loop_; }
  bool runs_here() const noexcept { return loop_.get_executor().running_in_this_thread(); }
  const ServeOptions& options() const noexcept { return service_.options; }
  /// For the connection that is reading just now; its contents are lost when the next one reads.
  std::span<char> read_buffer() noexcept { return read_buffer_; }

  // For connections.
  /// There may be something to read: the connection takes part in the next round.
  void join_round(std::shared_ptr<Connection> connection);
  /// Of the round that is under way.
  Batch& batch() noexcept { return batch_; }
  void remove(Connection& connection);
  void upgraded(asio::ip::tcp::socket socket, std::string_view leftover);
  /// The client's bytes were no request, or one over a limit.
  void refused(const WatchedSocket& socket, const Failure& failure);

 private:
  /// One listening socket.
  struct Door {
    explicit Door(asio::ip::tcp::acceptor its_acceptor)
        : acceptor(std::move(its_acceptor)), pause(acceptor.get_executor()) {}
    asio::ip::tcp::acceptor acceptor;
    asio::steady_timer pause;
  };

  void run_round();
  void accept(Door& door);
  void on_acceptable(Door& door, std::error_code error);
  std::error_code accept_waiting(Door& door, unsigned most);
  void stop_accepting();
  void finish_connections();
  void admit(SocketHandle socket);
  void turn_away(SocketHandle socket);
  void schedule_sweep();
  void sweep();
  void log(dht::LogLevel level, std::string_view line) const;

  asio::io_context& loop_;
  Service& service_;
  std::list<Door> doors_;
  std::list<std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> next_round_;
  std::vector<std::shared_ptr<Connection>> round_;  ///< that is under way
  Batch batch_;
  std::vector<char> read_buffer_;
  asio::steady_timer sweep_timer_;
  asio::steady_timer farewell_;
  bool finishing_ = false;
};

}  // namespace dhtd::http
