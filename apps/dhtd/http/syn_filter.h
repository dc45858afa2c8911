// Closing a listening socket without harm: the system resets the connections that nobody has accepted yet, and more of
// them may come while the last is accepted. Without new ones that is no race any more.
//
// Thread rule: none of its own.
#pragma once

#include <asio/ip/tcp.hpp>

namespace dhtd::http {

/// From now on the system overlooks whoever begins to connect to this socket; connections that have begun go on. Such a
/// client tries again by itself, after a second with Linux, and is refused if the socket is closed by then. Where the
/// system has no such filter, nothing changes.
void drop_syns(asio::ip::tcp::acceptor& acceptor) noexcept;

}  // namespace dhtd::http
