// What every peer connection is set to.
//
// Thread rule: a function on the caller's socket.
#pragma once

#include <chrono>

#include <asio/ip/tcp.hpp>

namespace dht::net {

/// No delay for small frames; a peer that is silently gone is noticed after about `dead_after`, whether or not
/// something is being sent. What the system does not know is passed over.
void set_peer_socket_options(asio::ip::tcp::socket& socket, std::chrono::milliseconds dead_after);

}  // namespace dht::net
