#include "net/socket_options.h"

#include <algorithm>
#include <system_error>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace dht::net {

void set_peer_socket_options(asio::ip::tcp::socket& socket, std::chrono::milliseconds dead_after) {
  std::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
#if defined(TCP_USER_TIMEOUT)
  // A first probe after half the time, then one each quarter; the user time-out decides and also covers unsent data.
  const auto set = [&](int option, int value) {
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, option, &value, sizeof value);
  };
  const int milliseconds = static_cast<int>(dead_after.count());
  set(TCP_KEEPIDLE, std::max(1, milliseconds / 2000));
  set(TCP_KEEPINTVL, std::max(1, milliseconds / 4000));
  set(TCP_KEEPCNT, 2);
  set(TCP_USER_TIMEOUT, milliseconds);
#endif
}

}  // namespace dht::net
