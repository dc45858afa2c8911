#include "http/session.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace dhtd::http {
namespace {

/// An output buffer that has grown larger than this gives its memory back when it is empty.
constexpr std::size_t kKeptOutput = 64u * 1024;
/// A body that trickles in more slowly than this per time-out is as good as stuck.
constexpr std::uint64_t kBodyProgressUnit = 1024;

}  // namespace

Session::Session(const Limits& limits) : limits_(limits), parser_(limits), expected_answer_(limits.max_value_bytes) {}

bool Session::wants_input() const noexcept {
  if (closing_ || upgraded_ || waits_for_answer_) return false;
  if (output().size() + waiting_bytes_ >= limits_.max_output_bytes) return false;
  if (in_flight() == 0) return true;
  return in_flight() < limits_.max_in_flight && (in_flight() + 1) * expected_answer_ <= limits_.max_expected_bytes;
}

std::size_t Session::take(std::string_view bytes, const std::shared_ptr<ResponseSink>& sink, Batch& batch) {
  const std::size_t given = bytes.size();
  bool goes_on = true;
  while (goes_on && !bytes.empty() && wants_input() && !batch.is_full()) {
    const Parser::Step step = parser_.parse(bytes);
    bytes.remove_prefix(step.consumed);
    if (step.outcome == Parser::Outcome::request) {
      const Request& request = parser_.request();
      batch.add(request, sink, give_ticket(request));
      goes_on = may_go_on_after(request);
    } else {
      conclude(step.outcome);
    }
  }
  if (!closing_) return given - bytes.size();
  client_has_ended_ = client_has_ended_ && bytes.empty();
  return given;
}

/// The parser has come to something else than a request.
void Session::conclude(Parser::Outcome outcome) {
  if (outcome == Parser::Outcome::need_more) send_continue();
  if (outcome == Parser::Outcome::failed) refuse(parser_.failure());
}

Ticket Session::give_ticket(const Request& request) noexcept {
  const bool is_last = ending_ || !request.keep_alive;
  const Ticket ticket{next_ticket_++, request.method == Method::head, request.http_1_0, is_last};
  closing_ = closing_ || ticket.close;
  client_has_ended_ = request.is_last;
  waits_for_answer_ = request.http_1_0;
  return ticket;
}

/// Whether the next request may be parsed before this one is handled.
bool Session::may_go_on_after(const Request& request) const noexcept {
  return parser_.is_in_place() && !request.field(Field::upgrade);
}

void Session::refuse(const Failure& failure) {
  const Ticket ticket{next_ticket_++, false, false, true};
  closing_ = true;
  const std::string body = to_json(failure);
  respond(ticket, {failure.status, ContentType::json, 0, {}, body});
}

void Session::end_of_input() {
  if (closing_ || upgraded_) return;
  if (parser_.phase() == Parser::Phase::between) {
    closing_ = true;
    return;
  }
  refuse({400, "bad_request", "The connection ended before the request was complete."});
}

void Session::time_out() {
  if (!closing_) refuse({408, "too_slow", "The request did not arrive in time."});
}

void Session::finish() noexcept {
  ending_ = true;
  const bool is_new = next_ticket_ == 0;
  if (!is_new && parser_.phase() == Parser::Phase::between) closing_ = true;
}

void Session::respond(Ticket ticket, const Response& response) {
  if (ticket.number == first_unanswered_) {
    DHT_ASSERT(source_ == nullptr);
    const std::size_t before = output_.size();
    append_response(output_, response, ticket);
    expect_answers_like(output_.size() - before);
    answered();
    return;
  }
  std::string bytes;
  append_response(bytes, response, ticket);
  keep_aside(ticket, std::move(bytes), nullptr);
}

void Session::respond_written(Ticket ticket, std::string written) {
  keep_aside(ticket, std::move(written), nullptr);
  release_ready();
}

void Session::stream(Ticket ticket, ContentType type, BodyPiece first, std::unique_ptr<BodySource> source,
                     const std::shared_ptr<ResponseSink>& sink) {
  if (ticket.http_1_0) {  // the end of the connection is the end of the body
    closing_ = true;
    ticket.close = true;
  }
  std::string bytes;
  append_stream_head(bytes, type, ticket);
  append_stream_piece(bytes, first.bytes, ticket);
  const bool complete = first.last || ticket.head;
  if (complete) append_stream_end(bytes, ticket);
  keep_aside(ticket, std::move(bytes), complete ? nullptr : std::move(source));
  release_ready();
  pump(sink);
}

Session::Waiting& Session::waiting_for(Ticket ticket) {
  DHT_ASSERT(ticket.number >= first_unanswered_ && ticket.number < next_ticket_);
  const auto index = static_cast<std::size_t>(ticket.number - first_unanswered_);
  if (waiting_.size() <= index) waiting_.resize(index + 1);
  return waiting_[index];
}

void Session::keep_aside(Ticket ticket, std::string bytes, std::unique_ptr<BodySource> source) {
  Waiting& waiting = waiting_for(ticket);
  DHT_ASSERT(!waiting.ready);
  waiting.ready = true;
  waiting.ticket = ticket;
  waiting.bytes = std::move(bytes);
  waiting_bytes_ += waiting.bytes.size();
  expect_answers_like(waiting.bytes.size());
  waiting.source = std::move(source);
}

void Session::expect_answers_like(std::size_t bytes) noexcept {
  expected_answer_ = std::max(bytes, expected_answer_ - expected_answer_ / 8);
}

/// The first unanswered request has its whole answer in the output.
void Session::answered() {
  ++first_unanswered_;
  waits_for_answer_ = false;
  if (waiting_.empty()) {
    if (in_flight() == 0) send_continue();
    return;
  }
  waiting_.pop_front();
  release_ready();
}

/// Moves answers whose turn has come to the output.
void Session::release_ready() {
  while (source_ == nullptr && !waiting_.empty() && waiting_.front().ready) {
    Waiting& front = waiting_.front();
    output_.append(front.bytes);
    waiting_bytes_ -= front.bytes.size();
    if (front.source != nullptr) {
      source_ = std::move(front.source);
      source_ticket_ = front.ticket;
      front.bytes = {};
      return;
    }
    waiting_.pop_front();
    ++first_unanswered_;
    waits_for_answer_ = false;
  }
  if (in_flight() == 0) send_continue();
}

void Session::upgrade(Ticket ticket) {
  DHT_ASSERT(ticket.number + 1 == next_ticket_);
  upgraded_ = true;
  keep_aside(ticket, {}, nullptr);
  release_ready();
}

void Session::stream_piece(Ticket ticket, BodyPiece piece, const std::shared_ptr<ResponseSink>& sink) {
  DHT_ASSERT(source_ != nullptr && piece_pending_ && ticket.number == source_ticket_.number);
  piece_pending_ = false;
  if (piece.failed) {
    broken_ = true;
    closing_ = true;
    return;
  }
  append_stream_piece(output_, piece.bytes, source_ticket_);
  source_finished_ = piece.last;
  pump(sink);
}

/// Asks the source for more while the client keeps up. A loop, since a source may answer inside the call.
void Session::pump(const std::shared_ptr<ResponseSink>& sink) {
  if (pumping_) return;
  pumping_ = true;
  while (source_ != nullptr && !broken_) {
    if (source_finished_) {
      end_stream();
      continue;
    }
    if (piece_pending_ || output().size() >= limits_.max_output_bytes) break;
    piece_pending_ = true;
    source_->next([sink, ticket = source_ticket_](BodyPiece piece) { sink->stream_piece(ticket, std::move(piece)); });
  }
  pumping_ = false;
}

void Session::end_stream() {
  append_stream_end(output_, source_ticket_);
  source_ = nullptr;
  source_finished_ = false;
  answered();
}

/// The client that waits for "100 Continue" gets it after the answers to its earlier requests.
void Session::send_continue() {
  if (closing_ || in_flight() != 0 || !parser_.awaits_continue()) return;
  output_.append("HTTP/1.1 100 Continue\r\n\r\n");
  parser_.continue_sent();
}

void Session::output_written(std::size_t bytes, const std::shared_ptr<ResponseSink>& sink) {
  written_ += bytes;
  total_written_ += bytes;
  DHT_ASSERT(written_ <= output_.size());
  if (written_ == output_.size()) {
    written_ = 0;
    if (output_.capacity() > kKeptOutput) {
      output_ = {};
    } else {
      output_.clear();
    }
  } else if (written_ > kKeptOutput && written_ > output_.size() / 2) {
    output_.erase(0, written_);
    written_ = 0;
  }
  pump(sink);
}

Session::Phase Session::phase() const noexcept {
  if (!output().empty()) return Phase::writing;
  if (in_flight() != 0) return Phase::answering;
  switch (parser_.phase()) {
    case Parser::Phase::between:
      return Phase::idle;
    case Parser::Phase::head:
      return Phase::head;
    case Parser::Phase::body:
      return Phase::body;
  }
  return Phase::idle;
}

std::uint64_t Session::progress() const noexcept {
  switch (phase()) {
    case Phase::writing:
      return total_written_;
    case Phase::body:
      return parser_.body_progress() / kBodyProgressUnit;
    default:
      return next_ticket_;  // a head must be complete to count
  }
}

}  // namespace dhtd::http
