#include "http/connection.h"

#include <utility>

#include <asio/error.hpp>
#include <asio/post.hpp>

#include "base/assert.h"
#include "http/worker.h"

namespace dhtd::http {

Connection::Connection(SocketHandle socket, Worker& worker)
    : worker_(worker), socket_(worker.loop(), std::move(socket)), session_(worker.options().limits) {}

void Connection::start() {
  if (socket_.watch([self = shared_from_this()] {
        self->readable_ = true;
        self->join_round();
      })) {
    close();
  }
}

// Input.

void Connection::join_round() {
  if (!std::exchange(in_round_, true)) worker_.join_round(shared_from_this());
}

void Connection::receive() {
  in_round_ = false;
  if (!open_) return;
  if (lingering_) return linger_read();
  // What came before has its turn first: an answer has just made room for it, and `advance` is on its way.
  if (leftover_.empty() && session_.wants_input() && !input_ended_) read();
}

void Connection::read() {
  DHT_ASSERT(leftover_.empty() && input_.empty());
  std::error_code error;
  const std::size_t bytes = socket_.read_some(buffer_, error);
  received(bytes, buffer_.size());
  if (error == asio::error::would_block) return;
  if (error == asio::error::eof) {
    input_ended_ = true;
    session_.end_of_input();
  } else if (error) {
    return close();
  }
  input_ = {buffer_.data(), bytes};
  reads_more_ = bytes == buffer_.size();
  advancing_ = true;  // answers given until the round ends need no advance of their own
}

void Connection::take() { take_from(input_); }

void Connection::end_round() {
  if (!std::exchange(advancing_, false) || !open_) return;
  leftover_.append(std::exchange(input_, {}));
  if (std::exchange(reads_more_, false)) read_more();
  advance();
}

/// The small buffer came full, so there is more: takes it in one go.
void Connection::read_more() {
  if (!leftover_.empty() || !session_.wants_input()) return;
  std::error_code error;
  const auto space = worker_.read_buffer();
  const std::size_t bytes = socket_.read_some(space, error);
  // An error, or the end, will be met again by the next read.
  if (error && error != asio::error::would_block) return;
  received(bytes, space.size());
  std::string_view input(space.data(), bytes);
  handle(input);
  leftover_.append(input);
}

/// A read has given so much: decides whether there may be more.
void Connection::received(std::size_t bytes, std::size_t asked) {
  const bool is_careful = careful_reads_ > 0;
  if (is_careful) --careful_reads_;
  readable_ = bytes == asked || (bytes > 0 && is_careful);
  end_may_hide_ = bytes > 0 && !readable_;
}

/// Adds requests to the worker's batch, which is handled in between where nothing can be taken before that.
void Connection::take_from(std::string_view& bytes) {
  Batch& batch = worker_.batch();
  while (!bytes.empty()) {
    const bool was_empty = batch.empty();
    const std::size_t taken = session_.take(bytes, shared_from_this(), batch);
    bytes.remove_prefix(taken);
    if (taken == 0 && was_empty) return;
    if (const Failure* failure = session_.refusal()) worker_.refused(socket_, *failure);
    if (!bytes.empty()) batch.handle();
  }
}

/// Outside of the worker's batch: takes requests and has them handled.
void Connection::handle(std::string_view& bytes) {
  advancing_ = true;
  take_from(bytes);
  worker_.batch().handle();
  advancing_ = false;
}

/// True where the session took something.
bool Connection::feed_leftover() {
  if (leftover_taken_ == leftover_.size() || !session_.wants_input()) return false;
  std::string_view rest = std::string_view(leftover_).substr(leftover_taken_);
  handle(rest);
  leftover_taken_ = leftover_.size() - rest.size();
  if (rest.empty()) {
    leftover_ = {};
    leftover_taken_ = 0;
  }
  return true;
}

// Answers.

void Connection::respond(Ticket ticket, const Response& response) {
  if (worker_.runs_here()) {
    if (!open_) return;
    session_.respond(ticket, response);
    return schedule_advance();
  }
  Arrival arrival{ticket, {}};
  append_response(arrival.bytes, response, ticket);
  bool first = false;
  {
    std::lock_guard lock(arrivals_mutex_);
    first = arrivals_.empty();
    arrivals_.push_back(std::move(arrival));
  }
  if (first) asio::post(worker_.loop(), [self = shared_from_this()] { self->take_arrivals(); });
}

/// Many answers that came together are moved, and written, together.
void Connection::take_arrivals() {
  std::vector<Arrival> arrivals;
  {
    std::lock_guard lock(arrivals_mutex_);
    arrivals.swap(arrivals_);
  }
  if (!open_) return;
  for (Arrival& arrival : arrivals)
    session_.respond_written(arrival.ticket, std::move(arrival.bytes));
  advance();
}

void Connection::stream(Ticket ticket, ContentType type, BodyPiece first, std::unique_ptr<BodySource> source) {
  if (!worker_.runs_here()) {
    asio::post(worker_.loop(), [self = shared_from_this(), ticket, type, first = std::move(first),
                                source = std::move(source)]() mutable {
      self->stream(ticket, type, std::move(first), std::move(source));
    });
    return;
  }
  if (!open_) return;
  session_.stream(ticket, type, std::move(first), std::move(source), shared_from_this());
  schedule_advance();
}

void Connection::stream_piece(Ticket ticket, BodyPiece piece) {
  if (!worker_.runs_here()) {
    asio::post(worker_.loop(), [self = shared_from_this(), ticket, piece = std::move(piece)]() mutable {
      self->stream_piece(ticket, std::move(piece));
    });
    return;
  }
  if (!open_) return;
  session_.stream_piece(ticket, std::move(piece), shared_from_this());
  schedule_advance();
}

void Connection::upgrade(Ticket ticket) { session_.upgrade(ticket); }

// Output and the course of things.

void Connection::schedule_advance() {
  if (advancing_ || advance_scheduled_) return;
  advance_scheduled_ = true;
  asio::post(worker_.loop(), [self = shared_from_this()] {
    self->advance_scheduled_ = false;
    self->advance();
  });
}

void Connection::advance() {
  if (!open_ || lingering_) return;
  do {
    if (!flush()) return;
  } while (open_ && feed_leftover());
  if (!open_ || awaiting_writable_) return;
  if (session_.broken()) return close();
  if (session_.upgraded()) return hand_over();
  if (session_.finished()) return session_.client_has_ended() ? close() : begin_linger();
  if (readable_ && session_.wants_input() && !input_ended_) join_round();
}

/// Writes what there is. False where the connection broke.
bool Connection::flush() {
  advancing_ = true;
  std::error_code error;
  while (!awaiting_writable_ && !session_.output().empty()) {
    const auto output = session_.output();
    const std::size_t bytes = socket_.write_some(output, error);
    if (error == asio::error::would_block) {
      await_writable();
      break;
    }
    if (error) break;
    session_.output_written(bytes, shared_from_this());
  }
  advancing_ = false;
  if (error && !awaiting_writable_) {
    close();
    return false;
  }
  return true;
}

void Connection::await_writable() {
  awaiting_writable_ = true;
  socket_.wait_writable([self = shared_from_this()] {
    self->awaiting_writable_ = false;
    self->advance();
  });
}

// Ends.

void Connection::hand_over() {
  const auto self = shared_from_this();  // the worker forgets us
  open_ = false;
  worker_.remove(*this);
  worker_.upgraded(socket_.release(), std::string_view(leftover_).substr(leftover_taken_));
  leftover_ = {};
}

void Connection::begin_linger() {
  if (socket_.shutdown_send() || input_ended_) return close();
  lingering_ = true;
  linger_read();
}

void Connection::linger_read() {
  std::error_code error;
  socket_.read_some(worker_.read_buffer(), error);
  if (error == asio::error::would_block) return;
  if (error) return close();
  join_round();
}

void Connection::sweep() {
  if (std::exchange(end_may_hide_, false)) {
    careful_reads_ = 1;
    readable_ = true;
    join_round();
  }
  const Timeouts& timeouts = worker_.options().timeouts;
  if (lingering_) {
    if (timeouts.sweep_period() * ++linger_sweeps_ >= timeouts.linger) close();
    return;
  }
  const auto phase = session_.phase();
  if (!patience_.exhausted(phase, session_.progress(), timeouts)) return;
  if (phase == Session::Phase::head || phase == Session::Phase::body) {
    session_.time_out();
    advance();
  } else {
    close();
  }
}

void Connection::finish() {
  session_.finish();
  advance();
}

void Connection::close() {
  if (!open_) return;
  const auto self = shared_from_this();  // the worker forgets us
  open_ = false;
  socket_.close();
  worker_.remove(*this);
}

}  // namespace dhtd::http
