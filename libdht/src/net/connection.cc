#include "net/connection.h"

#include <utility>

#include <asio/buffer.hpp>
#include <asio/defer.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include "net/socket_options.h"

namespace dht::net {
namespace {

/// The part of the queue that may wait before the connection counts as congested: one of so many.
constexpr std::size_t kQueueParts = 4;

}  // namespace

Connection::Connection(std::shared_ptr<Environment> environment, asio::ip::tcp::socket socket)
    : environment_(std::move(environment)),
      socket_(std::move(socket)),
      strand_(asio::make_strand(socket_.get_executor())),
      deadline_(socket_.get_executor()),
      outbox_(environment_->options().max_queue_bytes) {}

Connection::Queued Connection::enqueue(Frame frame, Lane lane) {
  const wire::FrameHeader header = wire::encode_frame_header(frame, lane);
  std::lock_guard lock(mutex_);
  if (retired_) return Queued::retired;
  if (closing_) return Queued::yes;
  if (!outbox_.add(header, frame.payload)) return Queued::overloaded;
  if (sending_) request_flush();
  return Queued::yes;
}

void Connection::close_after_flush() {
  std::lock_guard lock(mutex_);
  if (closing_.exchange(true)) return;
  asio::post(strand_, [self = shared_from_this()] { self->limit_closing(); });
  request_flush();
}

void Connection::retire() {
  std::lock_guard lock(mutex_);
  retired_ = true;
}

void Connection::sever() {
  {
    std::lock_guard lock(mutex_);
    retired_ = true;
    if (severable_handle_ >= 0) ::shutdown(severable_handle_, SHUT_RDWR);
  }
  asio::post(strand_, [self = shared_from_this()] { self->end(Errc::stopped, LogLevel::debug, {}); });
}

void Connection::connected() {
  set_peer_socket_options(socket_, environment_->options().dead_peer_timeout);
  std::lock_guard lock(mutex_);
  severable_handle_ = socket_.native_handle();
}

void Connection::take_input() {
  if (consume_input() && !ended_) read();
}

void Connection::read() {
  const auto space = input_.space();
  socket_.async_read_some(asio::buffer(space.data(), space.size()),
                          on_strand([this, self = shared_from_this()](std::error_code error, std::size_t count) {
                            if (ended_) return;
                            if (error) return read_failed(error);
                            input_.received(count);
                            take_input();
                          }));
}

void Connection::read_failed(std::error_code error) {
  if (error == asio::error::eof) return end(Errc::outcome_unknown, LogLevel::debug, "closed");
  end(Errc::outcome_unknown, LogLevel::info, error.message());
}

void Connection::write_first(std::string_view bytes) {
  std::lock_guard lock(mutex_);
  first_ += bytes;
  request_flush();
}

void Connection::start_sending() {
  std::lock_guard lock(mutex_);
  sending_ = true;
  if (closing_) asio::post(strand_, [self = shared_from_this()] { self->limit_closing(); });
  request_flush();
}

void Connection::request_flush() {
  if (std::exchange(flushing_, true)) return;
  asio::defer(strand_, [self = shared_from_this()] { self->flush(); });
}

void Connection::flush() {
  if (ended_) return;
  const bool finished = collect_output();
  if (writing_.empty()) {
    if (finished) finish_sending();
    return;
  }
  std::vector<asio::const_buffer> buffers;
  buffers.reserve(writing_.size());
  for (const std::string& chunk : writing_)
    buffers.push_back(asio::buffer(chunk));
  asio::async_write(socket_, std::move(buffers),
                    on_strand([this, self = shared_from_this()](std::error_code error, std::size_t) {
                      if (ended_) return;
                      if (error) return end(Errc::outcome_unknown, LogLevel::info, error.message());
                      {
                        std::lock_guard lock(mutex_);
                        outbox_.written(writing_);
                      }
                      after_write();
                      flush();
                    }));
}

bool Connection::is_congested() {
  std::lock_guard lock(mutex_);
  return outbox_.size() > environment_->options().max_queue_bytes / kQueueParts;
}

/// Moves what is to be sent into `writing_`. True where there is nothing and the connection is to be closed.
bool Connection::collect_output() {
  std::lock_guard lock(mutex_);
  if (!first_.empty()) writing_.push_back(std::exchange(first_, {}));
  if (sending_) outbox_.take(writing_);
  if (!writing_.empty()) return false;
  flushing_ = false;
  return closing_ && sending_;
}

/// A peer that takes nothing cannot hold a connection that is being closed. Before the handshake is over, that one's
/// deadline holds.
void Connection::limit_closing() {
  bool sending = false;
  {
    std::lock_guard lock(mutex_);
    sending = sending_;
  }
  if (!sending || ended_) return;
  set_deadline(environment_->options().dead_peer_timeout, Errc::outcome_unknown, LogLevel::info,
               "did not take what was left to send");
}

/// Everything has been sent. What the peer still sends is read to its end, since closing the socket with bytes unread
/// would reset the connection, and our last bytes with it.
void Connection::finish_sending() {
  std::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void Connection::set_deadline(Milliseconds after, std::error_code reason, LogLevel level, std::string why) {
  const std::uint64_t number = ++deadline_number_;
  deadline_.expires_after(after);
  deadline_.async_wait(
      on_strand([this, self = shared_from_this(), number, reason, level, why = std::move(why)](std::error_code error) {
        if (error || number != deadline_number_) return;
        end(reason, level, why);
      }));
}

void Connection::clear_deadline() {
  ++deadline_number_;
  deadline_.cancel();
}

void Connection::end(std::error_code reason, LogLevel level, std::string_view why) {
  if (std::exchange(ended_, true)) return;
  clear_deadline();
  {
    std::lock_guard lock(mutex_);
    severable_handle_ = -1;
  }
  std::error_code ignored;
  socket_.close(ignored);
  if (!why.empty()) environment_->log(level, fmt::format("{}: {}", peer_name(), why));
  after_end(reason);
}

}  // namespace dht::net
