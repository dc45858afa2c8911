// Wire: a Session without a socket. What a test sends goes in, what the client would get comes out.
//
// Thread rule: one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/batch.h"
#include "http/session.h"

namespace dhtd::testing {

class Wire {
 public:
  explicit Wire(http::RequestHandler& handler, http::Limits limits = {})
      : Wire(std::make_shared<http::Batch>(handler), limits) {}
  /// One of several whose requests are handled together.
  explicit Wire(std::shared_ptr<http::Batch> batch, http::Limits limits = {})
      : limits_(limits), session_(limits_), batch_(std::move(batch)), sink_(std::make_shared<Sink>(&session_)) {}
  ~Wire() { sink_->close(); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// What the session does not take now is given again as soon as it wants input, as a connection does.
  void send(std::string_view bytes) {
    unread_.append(bytes);
    feed();
  }
  void send_byte_by_byte(std::string_view bytes) {
    for (const char byte : bytes) {
      const std::string one(1, byte);  // of its own, so that a view kept too long is a view of freed memory
      send(one);
    }
  }
  /// How many bytes the session took; it is left to the test to have the batch handled, while the bytes are there.
  std::size_t take(std::string_view bytes) { return session_.take(bytes, sink_, *batch_); }
  void end_of_input() { session_.end_of_input(); }

  /// The client takes everything that is there.
  std::string receive() {
    std::string received;
    feed();
    while (!session_.output().empty()) {
      const std::string part(session_.output());
      received += part;
      session_.output_written(part.size(), sink_);
      feed();
    }
    return received;
  }
  /// The client takes one part only.
  std::string receive(std::size_t bytes) {
    const std::string part(session_.output().substr(0, bytes));
    session_.output_written(part.size(), sink_);
    feed();
    return part;
  }
  std::string exchange(std::string_view bytes) {
    send(bytes);
    return receive();
  }

  http::Session& session() noexcept { return session_; }
  std::size_t unread() const noexcept { return unread_.size(); }

 private:
  class Sink final : public http::ResponseSink, public std::enable_shared_from_this<Sink> {
   public:
    explicit Sink(http::Session* session) : session_(session) {}
    /// Answers that come later go nowhere, as with a closed connection.
    void close() { session_ = nullptr; }
    void respond(http::Ticket ticket, const http::Response& response) override {
      if (session_ != nullptr) session_->respond(ticket, response);
    }
    void stream(http::Ticket ticket, http::ContentType type, http::BodyPiece first,
                std::unique_ptr<http::BodySource> source) override {
      if (session_ != nullptr) session_->stream(ticket, type, std::move(first), std::move(source), shared_from_this());
    }
    void stream_piece(http::Ticket ticket, http::BodyPiece piece) override {
      if (session_ != nullptr) session_->stream_piece(ticket, std::move(piece), shared_from_this());
    }
    void upgrade(http::Ticket ticket) override {
      if (session_ != nullptr) session_->upgrade(ticket);
    }

   private:
    http::Session* session_;  ///< null once the wire is gone
  };

  void feed() {
    while (!unread_.empty() && session_.wants_input()) {
      const std::string input = std::exchange(unread_, {});
      const auto taken = session_.take(input, sink_, *batch_);
      batch_->handle();
      unread_ = input.substr(taken) + unread_;
    }
    if (session_.finished()) unread_.clear();
  }

  http::Limits limits_;
  http::Session session_;
  std::shared_ptr<http::Batch> batch_;
  std::shared_ptr<Sink> sink_;
  std::string unread_;
};

}  // namespace dhtd::testing
