#include "http/watched_socket.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <asio/detail/reactor_op.hpp>
#include <asio/error.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"

namespace dhtd::http {
namespace {

using asio::ip::tcp;

std::error_code last_error() noexcept {
  // Two names of one thing, which need not be the same number everywhere.
  if (errno == EAGAIN || errno == EWOULDBLOCK) return asio::error::would_block;
  return {errno, asio::error::get_system_category()};
}

/// Repeats a system call that a signal has interrupted.
template <typename Call>
ssize_t uninterrupted(Call call) noexcept {
  for (;;) {
    const ssize_t result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

/// What the system says of one end of the connection, `ask` being getsockname or getpeername; nothing where it is gone.
template <typename Ask>
std::optional<tcp::endpoint> end_of(int handle, Ask ask) {
  tcp::endpoint endpoint;
  auto size = static_cast<socklen_t>(endpoint.capacity());
  if (ask(handle, endpoint.data(), &size) != 0 || size > endpoint.capacity()) return std::nullopt;
  endpoint.resize(size);
  return endpoint;
}

}  // namespace

/// What stands in the reactor's queue. It deletes itself: when it is called after `abandon`, and when the loop ends.
class WatchedSocket::Operation final : public asio::detail::reactor_op {
 public:
  enum class Kind : std::uint8_t { readable, writable };

  Operation(Kind kind, WatchedSocket& socket, Handler handler)
      : reactor_op(std::error_code(), &perform_now, &completed),
        kind_(kind),
        socket_(&socket),
        handler_(std::move(handler)) {}

  void enqueue() {
    is_being_queued_ = true;
    const bool is_read = kind_ == Kind::readable;
    // A read operation is tried at once, which `perform_now` declines: then it costs no system call. A write operation
    // is not, so that the kernel is asked whether there has come to be room since the write that blocked.
    socket_->reactor_.start_op(is_read ? Reactor::read_op : Reactor::write_op, socket_->handle_, socket_->registration_,
                               this, false, is_read);
    is_being_queued_ = false;
  }
  void abandon() noexcept { socket_ = nullptr; }

 private:
  static status perform_now(reactor_op* base) {
    return static_cast<Operation*>(base)->is_being_queued_ ? not_done : done;
  }
  static void completed(void* loop, asio::detail::operation* base, const std::error_code&, std::size_t) {
    auto* operation = static_cast<Operation*>(base);
    if (loop == nullptr || operation->socket_ == nullptr) return destroy(operation);
    if (operation->kind_ == Kind::readable) {
      operation->enqueue();
      return operation->handler_();
    }
    operation->socket_->awaiting_writable_ = nullptr;
    Handler handler = std::move(operation->handler_);
    destroy(operation);
    handler();
  }
  static void destroy(Operation* operation) { std::unique_ptr<Operation>{operation}; }

  const Kind kind_;
  bool is_being_queued_ = false;
  WatchedSocket* socket_;
  Handler handler_;
};

WatchedSocket::WatchedSocket(asio::io_context& loop, SocketHandle socket)
    : loop_(loop), reactor_(asio::use_service<Reactor>(loop)), handle_(socket.release()) {}

WatchedSocket::~WatchedSocket() { close(); }

std::error_code WatchedSocket::watch(Handler on_readable) {
  DHT_ASSERT(watching_ == nullptr && handle_ >= 0);
  reactor_.init_task();
  if (const int error = reactor_.register_descriptor(handle_, registration_))
    return {error, asio::error::get_system_category()};
  watching_ = std::make_unique<Operation>(Operation::Kind::readable, *this, std::move(on_readable)).release();
  watching_->enqueue();
  return {};
}

void WatchedSocket::wait_writable(Handler on_writable) {
  DHT_ASSERT(watching_ != nullptr && awaiting_writable_ == nullptr);
  awaiting_writable_ = std::make_unique<Operation>(Operation::Kind::writable, *this, std::move(on_writable)).release();
  awaiting_writable_->enqueue();
}

std::size_t WatchedSocket::read_some(std::span<char> into, std::error_code& error) noexcept {
  const ssize_t count = uninterrupted([&] { return ::recv(handle_, into.data(), into.size(), 0); });
  error = count > 0 ? std::error_code() : count == 0 ? std::error_code(asio::error::eof) : last_error();
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::size_t WatchedSocket::write_some(std::string_view bytes, std::error_code& error) noexcept {
  const ssize_t count = uninterrupted([&] { return ::send(handle_, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
  error = count >= 0 ? std::error_code() : last_error();
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::error_code WatchedSocket::shutdown_send() noexcept {
  return ::shutdown(handle_, SHUT_WR) == 0 ? std::error_code() : last_error();
}

void WatchedSocket::forget_operations() noexcept {
  for (Operation* operation : {std::exchange(watching_, nullptr), std::exchange(awaiting_writable_, nullptr)}) {
    if (operation != nullptr) operation->abandon();
  }
}

void WatchedSocket::close() noexcept {
  if (handle_ < 0) return;
  forget_operations();
  reactor_.deregister_descriptor(handle_, registration_, true);
  ::close(std::exchange(handle_, -1));
  reactor_.cleanup_descriptor_data(registration_);
}

asio::ip::tcp::socket WatchedSocket::release() {
  const auto local = end_of(handle_, ::getsockname);
  forget_operations();
  reactor_.deregister_descriptor(handle_, registration_, false);
  reactor_.cleanup_descriptor_data(registration_);
  asio::ip::tcp::socket socket(loop_);
  std::error_code ignored;  // a socket that is broken already says so at the first read
  socket.assign(local ? local->protocol() : tcp::v6(), std::exchange(handle_, -1), ignored);
  socket.non_blocking(false, ignored);
  return socket;
}

std::string WatchedSocket::remote_address() const {
  const auto remote = end_of(handle_, ::getpeername);
  return remote ? remote->address().to_string() : std::string();
}

}  // namespace dhtd::http
