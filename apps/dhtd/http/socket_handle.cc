#include "http/socket_handle.h"

#include <cerrno>

#include <asio/error.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace dhtd::http {

SocketHandle SocketHandle::accept(asio::ip::tcp::acceptor& acceptor, std::error_code& error) noexcept {
  const int handle = ::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  error = handle >= 0 ? std::error_code() : std::error_code(errno, asio::error::get_system_category());
  return SocketHandle(handle);
}

SocketHandle::~SocketHandle() {
  if (handle_ >= 0) ::close(handle_);
}

}  // namespace dhtd::http
