#include "net/listener.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include <asio/ip/v6_only.hpp>
#include <fmt/format.h>

#include "base/assert.h"

namespace dht::net {
namespace {

using asio::ip::tcp;

constexpr int kAttemptsAtFreePort = 20;
constexpr std::chrono::milliseconds kPauseAfterFailure{100};

std::vector<tcp::endpoint> resolve(asio::io_context& loop, const Address& address) {
  std::error_code error;
  tcp::resolver resolver(loop);
  const auto found = resolver.resolve(address.host, std::to_string(address.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) throw std::system_error(error, fmt::format("cannot find the addresses of \"{}\"", address.host));
  std::vector<tcp::endpoint> endpoints;
  for (const auto& entry : found) {
    if (std::find(endpoints.begin(), endpoints.end(), entry.endpoint()) == endpoints.end()) {
      endpoints.push_back(entry.endpoint());
    }
  }
  return endpoints;
}

/// A host name often has an IPv6 address on machines without IPv6.
bool is_absent_here(std::error_code error) {
  return error == std::errc::address_not_available || error == std::errc::address_family_not_supported;
}

/// Accepting into another loop's socket at once would leave that socket in this loop while nobody comes, and the loops
/// may be destroyed in any order.
tcp::socket move_to(asio::io_context& loop, tcp::socket socket) {
  std::error_code error;
  const tcp protocol = socket.local_endpoint(error).protocol();
  const auto handle = socket.release(error);
  tcp::socket moved(loop);
  if (!error) moved.assign(protocol, handle, error);
  return moved;
}

}  // namespace

Listener::Listener(std::shared_ptr<Environment> environment, std::vector<asio::io_context*> loops,
                   const Address& address)
    : environment_(std::move(environment)), loops_(std::move(loops)), address_(address) {
  bind_all(resolve(*loops_.front(), address));
}

void Listener::bind_all(const std::vector<tcp::endpoint>& endpoints) {
  const std::uint16_t wanted_port = address_.port;
  for (int attempt = 1;; ++attempt) {
    std::error_code error;
    std::error_code absent;
    for (tcp::endpoint endpoint : endpoints) {
      endpoint.port(address_.port);
      bind(endpoint, error);
      if (!error) continue;
      if (!is_absent_here(error)) break;
      absent = std::exchange(error, {});
    }
    if (!error && doors_.empty()) error = absent;
    if (!error) return;
    // A port that was free on one address may be taken on the next: then another one is tried.
    const bool may_retry = wanted_port == 0 && error == std::errc::address_in_use && attempt < kAttemptsAtFreePort;
    if (!may_retry) throw std::system_error(error, fmt::format("cannot listen on {}", to_string(address_)));
    doors_.clear();
    address_.port = wanted_port;
  }
}

void Listener::bind(tcp::endpoint endpoint, std::error_code& error) {
  auto door = std::make_unique<Door>(Door{tcp::acceptor(*loops_.front()), asio::steady_timer(*loops_.front())});
  tcp::acceptor& acceptor = door->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    // Asio's own category does not compare with std::errc.
    error = {error.value(), std::system_category()};
    return;
  }
  address_.port = acceptor.local_endpoint().port();
  doors_.push_back(std::move(door));
}

void Listener::start(Handler handler) {
  std::lock_guard lock(mutex_);
  DHT_ASSERT(!handler_);
  handler_ = std::move(handler);
  for (auto& door : doors_)
    accept(*door);
}

void Listener::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  std::error_code ignored;
  for (auto& door : doors_) {
    door->acceptor.close(ignored);
    door->pause.cancel();
  }
}

/// Under the mutex.
void Listener::accept(Door& door) {
  door.acceptor.async_accept([this, self = shared_from_this(), &door](std::error_code error, tcp::socket socket) {
    asio::io_context* loop = nullptr;
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return;
      if (error) return accept_failed(door, error);
      door.failing = false;
      loop = loops_[next_loop_++ % loops_.size()];
      accept(door);
    }
    handler_(move_to(*loop, std::move(socket)));
  });
}

/// Most often there are too few file descriptors: that passes, and meanwhile connections wait in the system.
void Listener::accept_failed(Door& door, std::error_code error) {
  if (!std::exchange(door.failing, true)) {
    environment_->log(LogLevel::error, fmt::format("cannot accept peer connections on {} at the moment: {}",
                                                   to_string(address_), error.message()));
  }
  door.pause.expires_after(kPauseAfterFailure);
  door.pause.async_wait([this, self = shared_from_this(), &door](std::error_code) {
    std::lock_guard pause_over(mutex_);
    if (!stopped_) accept(door);
  });
}

}  // namespace dht::net
