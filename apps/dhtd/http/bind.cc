#include "http/bind.h"

#include <algorithm>
#include <sstream>
#include <system_error>
#include <utility>

#include <asio/ip/v6_only.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

namespace dhtd::http {
namespace {

using asio::ip::tcp;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr int kBacklog = 4096;
/// A free port of one address may be taken on another; then the next free one is tried.
constexpr int kFreePortAttempts = 16;

std::string show(const tcp::endpoint& endpoint) {
  std::ostringstream text;
  text << endpoint;
  return text.str();
}

std::vector<tcp::endpoint> resolve(const std::string& host, std::uint16_t port) {
  std::string name = host;
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
  asio::io_context context;
  tcp::resolver resolver(context);
  std::error_code error;
  const auto results = resolver.resolve(name, std::to_string(port), tcp::resolver::passive, error);
  if (error) throw std::system_error(error, fmt::format("cannot resolve the host '{}'", host));
  std::vector<tcp::endpoint> endpoints;
  for (const auto& result : results) {
    if (std::find(endpoints.begin(), endpoints.end(), result.endpoint()) == endpoints.end()) {
      endpoints.push_back(result.endpoint());
    }
  }
  return endpoints;
}

/// Binds exclusively where `shared` is false: the first socket of an endpoint allows others beside it only once it
/// listens, so it finds out whether anybody, another dhtd included, has the port already.
tcp::acceptor listen_on(asio::io_context& loop, const tcp::endpoint& endpoint, bool shared, bool only_v6,
                        std::error_code& error) {
  tcp::acceptor acceptor(loop);
  const auto step = [&error](auto&& action) {
    if (!error) action();
  };
  acceptor.open(endpoint.protocol(), error);
  step([&] { acceptor.set_option(tcp::acceptor::reuse_address(true), error); });
  if (endpoint.address().is_v6()) step([&] { acceptor.set_option(asio::ip::v6_only(only_v6), error); });
  if (shared) step([&] { acceptor.set_option(ReusePort(true), error); });
  step([&] { acceptor.bind(endpoint, error); });
  step([&] { acceptor.listen(kBacklog, error); });
  if (!shared) step([&] { acceptor.set_option(ReusePort(true), error); });
  return acceptor;
}

[[noreturn]] void refuse(std::error_code error, const tcp::endpoint& endpoint) {
  throw std::system_error(error, fmt::format("cannot listen on {}", show(endpoint)));
}

void bind_others(Bound& bound, const tcp::endpoint& endpoint, bool only_v6,
                 const std::vector<asio::io_context*>& loops) {
  for (std::size_t i = 1; i < loops.size(); ++i) {
    std::error_code error;
    bound.acceptors[i].push_back(listen_on(*loops[i], endpoint, true, only_v6, error));
    if (error) refuse(error, endpoint);
  }
}

Bound try_bind(const std::vector<tcp::endpoint>& endpoints, std::uint16_t port,
               const std::vector<asio::io_context*>& loops) {
  Bound bound;
  bound.port = port;
  bound.acceptors.resize(loops.size());
  // "::" alone means every address, those of IPv4 too, as with most servers.
  const bool only_v6 = endpoints.size() > 1 || !endpoints.front().address().is_unspecified();
  std::error_code last_error;
  for (tcp::endpoint endpoint : endpoints) {
    endpoint.port(bound.port);
    std::error_code error;
    tcp::acceptor acceptor = listen_on(*loops.front(), endpoint, false, only_v6, error);
    if (error == std::errc::address_in_use) refuse(error, endpoint);
    if (error) {
      last_error = error;
      bound.warnings.push_back(fmt::format("cannot listen on {}: {}", show(endpoint), error.message()));
      continue;
    }
    endpoint = acceptor.local_endpoint();
    bound.port = endpoint.port();
    bound.acceptors.front().push_back(std::move(acceptor));
    bind_others(bound, endpoint, only_v6, loops);
    bound.endpoints.push_back(endpoint);
  }
  if (bound.endpoints.empty()) refuse(last_error, endpoints.front());
  return bound;
}

}  // namespace

bool Bound::has_wildcard() const noexcept {
  return std::any_of(endpoints.begin(), endpoints.end(),
                     [](const tcp::endpoint& endpoint) { return endpoint.address().is_unspecified(); });
}

Bound bind_all(const std::string& host, std::uint16_t port, const std::vector<asio::io_context*>& loops) {
  const auto endpoints = resolve(host, port);
  for (int attempt = 1;; ++attempt) {
    try {
      return try_bind(endpoints, port, loops);
    } catch (const std::system_error& error) {
      const bool another_may_do = port == 0 && error.code() == std::errc::address_in_use;
      if (!another_may_do || attempt == kFreePortAttempts) throw;
    }
  }
}

}  // namespace dhtd::http
