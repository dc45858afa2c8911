#include "http/worker.h"

#include <string>
#include <utility>

#include <asio/error.hpp>
#include <asio/post.hpp>
#include <fmt/format.h>

#include "http/connection.h"
#include "http/response.h"
#include "http/syn_filter.h"

namespace dhtd::http {
namespace {

using asio::ip::tcp;

constexpr std::size_t kReadBuffer = 256u * 1024;
/// Of those that wait, in one go: what the others have sent comes in between.
constexpr unsigned kMostAccepted = 64;
/// How long to leave a socket alone that cannot accept, for lack of file descriptors.
constexpr std::chrono::milliseconds kAcceptPause{100};
/// Between the first word of the end and the close: a round trip for clients that are connecting, and for most of those
/// that are connected a request, whose answer sends them away.
constexpr std::chrono::milliseconds kFarewell{250};

/// True for a connection that was gone before it was accepted: no trouble of ours.
bool is_client_gone(std::error_code error) {
  return error == asio::error::connection_aborted || error == asio::error::connection_reset ||
         error == asio::error::interrupted || error == asio::error::try_again || error == asio::error::would_block;
}

}  // namespace

Worker::Worker(asio::io_context& loop, Service& service)
    : loop_(loop),
      service_(service),
      batch_(service.handler),
      read_buffer_(kReadBuffer),
      sweep_timer_(loop),
      farewell_(loop) {
  service_.accepting_workers.fetch_add(1, std::memory_order_relaxed);
}

Worker::~Worker() {
  while (!connections_.empty())
    connections_.front()->close();
}

void Worker::add(tcp::acceptor acceptor) {
  acceptor.native_non_blocking(true);
  // Answers are written whole: none has anything to wait for. What is accepted inherits it.
  acceptor.set_option(tcp::no_delay(true));
  doors_.emplace_back(std::move(acceptor));
}

void Worker::start() {
  for (Door& door : doors_)
    accept(door);
  schedule_sweep();
}

/// The round begins behind what the loop is about to call, so that all that is ready now takes part.
void Worker::join_round(std::shared_ptr<Connection> connection) {
  if (next_round_.empty()) asio::post(loop_, [this] { run_round(); });
  next_round_.push_back(std::move(connection));
}

void Worker::run_round() {
  round_.swap(next_round_);
  for (const auto& connection : round_)
    connection->receive();
  for (const auto& connection : round_)
    connection->take();
  batch_.handle();
  for (const auto& connection : round_)
    connection->end_round();
  round_.clear();
}

void Worker::accept(Door& door) {
  door.acceptor.async_wait(tcp::acceptor::wait_read, [this, &door](std::error_code error) {
    if (error != asio::error::operation_aborted) on_acceptable(door, error);
  });
}

void Worker::on_acceptable(Door& door, std::error_code error) {
  if (!door.acceptor.is_open()) return;
  if (!error) error = accept_waiting(door, kMostAccepted);
  if (!error || is_client_gone(error)) return accept(door);
  if (service_.accept_failures.begins(Burst::Clock::now())) {
    log(dht::LogLevel::error,
        fmt::format("cannot accept connections at the moment: {}; those that exist are served", error.message()));
  }
  door.pause.expires_after(kAcceptPause);
  door.pause.async_wait([this, &door](std::error_code stopped) {
    if (!stopped && door.acceptor.is_open()) accept(door);
  });
}

/// Ends with the first error, which is would_block where none waits any more.
std::error_code Worker::accept_waiting(Door& door, unsigned most) {
  std::error_code error;
  for (unsigned count = 0; !error && count < most; ++count) {
    SocketHandle socket = SocketHandle::accept(door.acceptor, error);
    if (!error) admit(std::move(socket));
  }
  return error;
}

void Worker::admit(SocketHandle socket) {
  if (service_.connections.fetch_add(1, std::memory_order_relaxed) >= service_.options.max_connections) {
    service_.connections.fetch_sub(1, std::memory_order_relaxed);
    return turn_away(std::move(socket));
  }
  const auto connection = std::make_shared<Connection>(std::move(socket), *this);
  connection->set_place(connections_.insert(connections_.end(), connection));
  connection->start();
  if (finishing_) connection->announce_end();
}

void Worker::turn_away(SocketHandle handle) {
  if (service_.turned_away.begins(Burst::Clock::now())) {
    log(dht::LogLevel::warning, fmt::format("turning connections away: there are {} already (option --max-connections)",
                                            service_.options.max_connections));
  }
  std::string answer;
  append_failure(answer, {503, "overloaded", "There are too many connections already."}, "Retry-After: 1\r\n",
                 Ticket{0, false, false, true});
  WatchedSocket socket(loop_, std::move(handle));
  std::error_code ignored;                  // it is closed in any case
  socket.read_some(read_buffer_, ignored);  // a close with unread bytes would reset the connection
  socket.write_some(answer, ignored);
  ignored = socket.shutdown_send();
}

void Worker::remove(Connection& connection) {
  connections_.erase(connection.place());
  service_.connections.fetch_sub(1, std::memory_order_relaxed);
}

void Worker::upgraded(tcp::socket socket, std::string_view leftover) { service_.upgrade(std::move(socket), leftover); }

void Worker::refused(const WatchedSocket& socket, const Failure& failure) {
  if (!service_.refusals.begins(Burst::Clock::now())) return;
  const std::string client = socket.remote_address();
  log(dht::LogLevel::warning,
      fmt::format("refusing requests that are malformed or over a limit; the first, from {}: {}",
                  client.empty() ? "a client that is gone" : client, failure.message));
}

void Worker::schedule_sweep() {
  sweep_timer_.expires_after(service_.options.timeouts.sweep_period());
  sweep_timer_.async_wait([this](std::error_code stopped) {
    if (stopped) return;
    sweep();
    schedule_sweep();
  });
}

void Worker::sweep() {
  for (auto next = connections_.begin(); next != connections_.end();) {
    const auto connection = *next++;  // it may remove itself
    connection->sweep();
  }
}

void Worker::stop_accepting() {
  for (Door& door : doors_) {
    std::error_code error;
    do {
      error = accept_waiting(door, kMostAccepted);
    } while (!error || (is_client_gone(error) && error != asio::error::would_block));
    std::error_code ignored;
    door.acceptor.close(ignored);
    door.pause.cancel();
  }
  service_.accepting_workers.fetch_sub(1, std::memory_order_relaxed);
}

void Worker::finish() {
  finishing_ = true;
  for (Door& door : doors_)
    drop_syns(door.acceptor);
  for (const auto& connection : connections_)
    connection->announce_end();
  farewell_.expires_after(kFarewell);
  farewell_.async_wait([this](std::error_code stopped) {
    if (stopped) return;
    stop_accepting();
    finish_connections();
  });
}

void Worker::finish_connections() {
  for (auto next = connections_.begin(); next != connections_.end();) {
    const auto connection = *next++;  // it may remove itself
    connection->finish();
  }
}

void Worker::log(dht::LogLevel level, std::string_view line) const {
  if (service_.options.log) service_.options.log(level, line);
}

}  // namespace dhtd::http
