// What peers say before frames: a fixed run of bytes that happens to be valid HTTP, so that peers and clients share one
// port. libdht compares these bytes; an HTTP server in front of it recognizes the path and the `Upgrade` field, and
// hands the socket over with `TcpTransport::adopt` (dht/asio.h). See libdht/doc/wire_format.md.
//
// Thread rule: constants.
#pragma once

#include <string_view>

namespace dht {

/// The path that peers ask for, with GET.
inline constexpr std::string_view kPeerPath = "/dht/peer";
/// The value of the `Upgrade` field in that request.
inline constexpr std::string_view kPeerUpgrade = "dht/1";
/// All that the opener of a connection sends before its first frame.
inline constexpr std::string_view kPeerRequest =
    "GET /dht/peer HTTP/1.1\r\nHost: dht\r\nConnection: Upgrade\r\nUpgrade: dht/1\r\n\r\n";
/// All that the acceptor sends before its first frame.
inline constexpr std::string_view kPeerResponse =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: dht/1\r\n\r\n";

}  // namespace dht
