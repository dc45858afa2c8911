// SocketHandle: a connected TCP socket that no loop knows yet. Non-blocking; closed with the object.
//
// An Asio acceptor enters each socket into its reactor and makes another call to have it non-blocking; ours goes into
// the reactor once, when it is watched (see WatchedSocket), and is non-blocking from the start.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <system_error>
#include <utility>

#include <asio/ip/tcp.hpp>

namespace dhtd::http {

class SocketHandle {
 public:
  /// Takes a connection that waits at the acceptor, which must be non-blocking. asio::error::would_block where there is
  /// none; the handle is then empty, as after any error.
  static SocketHandle accept(asio::ip::tcp::acceptor& acceptor, std::error_code& error) noexcept;

  SocketHandle(SocketHandle&& other) noexcept : handle_(other.release()) {}
  SocketHandle& operator=(SocketHandle&&) = delete;
  ~SocketHandle();

  /// The caller closes it.
  int release() noexcept { return std::exchange(handle_, -1); }

 private:
  explicit SocketHandle(int handle) noexcept : handle_(handle) {}

  int handle_;
};

}  // namespace dhtd::http
