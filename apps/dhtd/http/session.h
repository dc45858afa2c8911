// Session: everything that one HTTP connection is, except the socket. Bytes come in, requests go into a batch that the
// owner has handled, answers come out in the order of the requests, however the handlers finish.
//
// An answer given while the batch is handled, with none before it outstanding, is written straight into the output;
// only answers that overtake others are kept aside. The owner moves the output to the client, many answers in one
// write.
//
// Backpressure: while too many requests are unanswered or too many bytes of answers wait, for the client or for their
// turn, `take` takes nothing. Answers to requests already taken still come, so no more of them are taken than fit
// into `max_expected_bytes` if each answer is as large as the largest of late on this connection; one is always taken.
// A new connection counts as one of the largest values; each smaller answer brings the estimate down by an eighth, so
// that pipelines of small answers are soon as deep as `max_in_flight` allows.
//
// Pure logic: no sockets, no clock. Thread rule: used from one thread only; answers given on other threads come in
// through the owner (see Connection).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "http/batch.h"
#include "http/limits.h"
#include "http/parser.h"
#include "http/responder.h"
#include "http/response.h"

namespace dhtd::http {

class Session {
 public:
  /// What the connection is waiting for; decides which time-out applies.
  enum class Phase : std::uint8_t { idle, head, body, answering, writing };

  /// The limits must outlive the session.
  explicit Session(const Limits& limits);

  /// Takes requests from `bytes` and adds them to the batch, which is handled before more is taken from other bytes.
  /// Returns how many bytes it took: fewer than given where the batch must be handled first, or where it has to wait
  /// (`wants_input()` is false then, too); the rest is to be given again. Answers go to `sink`, which brings them back
  /// to this session.
  std::size_t take(std::string_view bytes, const std::shared_ptr<ResponseSink>& sink, Batch& batch);
  /// The client sends no more. Requests under way are still answered; half of one gets an error.
  void end_of_input();
  /// The client was too slow: an error, and the end.
  void time_out();
  /// The next request is the last one, and its answer says so.
  void announce_end() noexcept { ending_ = true; }
  /// Answers what is under way and then ends. Under way is also a request that has begun to come in, and the first one
  /// of a client that has sent none: it connected for it.
  void finish() noexcept;

  // Answers, in any order.
  void respond(Ticket ticket, const Response& response);
  /// An answer written elsewhere by `append_response`.
  void respond_written(Ticket ticket, std::string written);
  void stream(Ticket ticket, ContentType type, BodyPiece first, std::unique_ptr<BodySource> source,
              const std::shared_ptr<ResponseSink>& sink);
  void stream_piece(Ticket ticket, BodyPiece piece, const std::shared_ptr<ResponseSink>& sink);
  void upgrade(Ticket ticket);

  // Output.
  std::string_view output() const noexcept { return std::string_view(output_).substr(written_); }
  /// The first `bytes` of the output have gone to the client.
  void output_written(std::size_t bytes, const std::shared_ptr<ResponseSink>& sink);

  bool wants_input() const noexcept;
  /// Why the client's bytes were refused as no request, or null.
  const Failure* refusal() const noexcept { return parser_.failed() ? &parser_.failure() : nullptr; }
  /// All is said: once the output is written the connection ends.
  bool finished() const noexcept { return closing_ && in_flight() == 0; }
  /// The client has said that its last request is the last, and nothing has come behind it.
  bool client_has_ended() const noexcept { return client_has_ended_; }
  /// The connection broke in the middle of an answer: it ends at once, so that nobody takes the answer for complete.
  bool broken() const noexcept { return broken_; }
  /// The connection has left HTTP; the bytes not consumed belong to the new protocol.
  bool upgraded() const noexcept { return upgraded_ && in_flight() == 0; }

  Phase phase() const noexcept;
  /// Grows with everything that counts as progress in the present phase.
  std::uint64_t progress() const noexcept;
  std::size_t in_flight() const noexcept { return static_cast<std::size_t>(next_ticket_ - first_unanswered_); }

 private:
  /// An answer that waits for its turn.
  struct Waiting {
    bool ready = false;
    Ticket ticket;
    std::string bytes;
    std::unique_ptr<BodySource> source;  ///< set: the bytes are only the beginning
  };

  Ticket give_ticket(const Request& request) noexcept;
  bool may_go_on_after(const Request& request) const noexcept;
  void conclude(Parser::Outcome outcome);
  void refuse(const Failure& failure);
  Waiting& waiting_for(Ticket ticket);
  void keep_aside(Ticket ticket, std::string bytes, std::unique_ptr<BodySource> source);
  void answered();
  void expect_answers_like(std::size_t bytes) noexcept;
  void release_ready();
  void pump(const std::shared_ptr<ResponseSink>& sink);
  void end_stream();
  void send_continue();

  const Limits& limits_;
  Parser parser_;

  std::uint64_t next_ticket_ = 0;
  std::uint64_t first_unanswered_ = 0;
  std::deque<Waiting> waiting_;  ///< [i] belongs to ticket first_unanswered_ + i
  std::size_t waiting_bytes_ = 0;
  std::size_t expected_answer_;  ///< bytes of the largest answer of late

  /// The long answer that is being written; its ticket is first_unanswered_.
  std::unique_ptr<BodySource> source_;
  Ticket source_ticket_;
  bool piece_pending_ = false;
  bool source_finished_ = false;
  bool pumping_ = false;  ///< the source may be on the stack: it is not destroyed now

  std::string output_;
  std::size_t written_ = 0;  ///< the front of output_ that has gone out already
  std::uint64_t total_written_ = 0;
  bool waits_for_answer_ = false;  ///< an HTTP/1.0 request is under way: its client does not pipeline
  bool ending_ = false;            ///< no request is taken after the next one
  bool closing_ = false;           ///< no further request is taken
  bool client_has_ended_ = false;
  bool upgraded_ = false;
  bool broken_ = false;
};

}  // namespace dhtd::http
