// WatchedSocket: a TCP socket that says each time that there may be something to read, without being asked again.
//
// A read of asio::ip::tcp::socket makes the system call first and waits when that was in vain; a wait asks the kernel
// anew each time. On a connection where question and answer alternate, that is one call of three for nothing. Here the
// operation that waits goes back into Asio's reactor before the socket is read, which costs no call. For that it uses
// the reactor as Asio's own sockets do; those calls are in `asio::detail`, and alike from Asio 1.18 to 1.30.
//
// The kernel tells of edges: the reader goes on until a read would block, or is not told of what was left.
//
// Thread rule: used from the thread of its loop, which is run by one thread. Closed, or destroyed, before the loop is.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

// Not on its own: it needs what is included above.
#include <asio/detail/reactor.hpp>

#include <dht/function.h>

#include "http/socket_handle.h"

namespace dhtd::http {

class WatchedSocket {
 public:
  using Handler = dht::Function<void()>;

  WatchedSocket(asio::io_context& loop, SocketHandle socket);
  ~WatchedSocket();
  WatchedSocket(const WatchedSocket&) = delete;
  WatchedSocket& operator=(const WatchedSocket&) = delete;

  /// Begins to watch. The handler is called from the loop, for the first time when there is something; it is dropped
  /// some time after the socket was closed. An error for lack of memory or of file descriptors.
  std::error_code watch(Handler on_readable);
  /// Calls the handler once, when a write may succeed again. One wait at a time, and only after a write that blocked.
  void wait_writable(Handler on_writable);

  /// How many bytes were read. asio::error::would_block where there are none, asio::error::eof at the end.
  std::size_t read_some(std::span<char> into, std::error_code& error) noexcept;
  /// How many bytes were taken; asio::error::would_block where there was no room for any.
  std::size_t write_some(std::string_view bytes, std::error_code& error) noexcept;
  std::error_code shutdown_send() noexcept;
  /// No handler is called any more.
  void close() noexcept;
  /// Stops watching, and gives the socket away, blocking.
  asio::ip::tcp::socket release();

  /// Empty where the other side is gone.
  std::string remote_address() const;

 private:
  class Operation;
  using Reactor = asio::detail::reactor;

  void forget_operations() noexcept;

  asio::io_context& loop_;
  Reactor& reactor_;
  Reactor::per_descriptor_data registration_{};
  int handle_ = -1;
  // The reactor owns them, and gives them back by calling them a last time.
  Operation* watching_ = nullptr;
  Operation* awaiting_writable_ = nullptr;
};

}  // namespace dhtd::http
