// Responder: the right and the duty to answer one request, exactly once, now or later.
//
// Thread rule: one object from one thread at a time; it may be moved to another thread and answer there.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "http/body_source.h"
#include "http/request.h"
#include "http/response.h"

namespace dhtd::http {

/// Where answers go: a connection. Thread rule: all methods may be called from any thread.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  virtual void respond(Ticket ticket, const Response& response) = 0;
  /// A long answer: `first` is already there, `source` gives the rest.
  virtual void stream(Ticket ticket, ContentType type, BodyPiece first, std::unique_ptr<BodySource> source) = 0;
  /// What a source has given, see Session.
  virtual void stream_piece(Ticket ticket, BodyPiece piece) = 0;
  /// The connection stops speaking HTTP here. Only from inside the handler's call.
  virtual void upgrade(Ticket ticket) = 0;
};

class Responder {
 public:
  Responder(std::shared_ptr<ResponseSink> sink, Ticket ticket) noexcept : sink_(std::move(sink)), ticket_(ticket) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&&) = delete;
  /// A request whose handler was dropped unanswered gets a 503: its client must not wait for ever.
  ~Responder() {
    if (sink_) fail({503, "stopped", "The request was dropped because the node is stopping."}, "Retry-After: 1\r\n");
  }

  void send(const Response& response) { std::exchange(sink_, nullptr)->respond(ticket_, response); }
  void fail(const Failure& failure, std::string_view extra_headers = {}) {
    const std::string body = to_json(failure);
    send({failure.status, ContentType::json, 0, extra_headers, body});
  }
  void stream(ContentType type, BodyPiece first, std::unique_ptr<BodySource> source) {
    std::exchange(sink_, nullptr)->stream(ticket_, type, std::move(first), std::move(source));
  }
  void upgrade() { std::exchange(sink_, nullptr)->upgrade(ticket_); }

 private:
  std::shared_ptr<ResponseSink> sink_;
  Ticket ticket_;
};

/// Takes requests; one serves all connections. Thread rule: called from many threads at once.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  /// The request is valid during the call only.
  virtual void handle(const Request& request, Responder responder) = 0;
  /// A hint: these requests come next, in this order.
  virtual void expect(std::span<const Request> /*requests*/) {}
};

}  // namespace dhtd::http
