// Binding one port on every address of a host, once for each event loop.
//
// Thread rule: pure of shared state; blocks while the host's name is resolved.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

namespace dhtd::http {

struct Bound {
  std::uint16_t port = 0;                                       ///< the real one
  std::vector<asio::ip::tcp::endpoint> endpoints;               ///< those that could be bound
  std::vector<std::vector<asio::ip::tcp::acceptor>> acceptors;  ///< [i] belongs to loops[i]; they listen
  std::vector<std::string> warnings;                            ///< a sentence for each address that could not

  /// True where one is a wildcard, every address of the machine: what it was named by is none that others can connect
  /// to.
  bool has_wildcard() const noexcept;
};

/// Binds `port` (0: a free one) on each address that `host` resolves to. Where one of several cannot be bound (a
/// machine without IPv6), that is a warning. A port that is in use on any of them is an error, even though the sockets
/// of one process share it (SO_REUSEPORT): two servers on one port would each get half of the connections. Throws
/// std::system_error, with a sentence.
Bound bind_all(const std::string& host, std::uint16_t port, const std::vector<asio::io_context*>& loops);

}  // namespace dhtd::http
