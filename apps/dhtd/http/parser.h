// Parser: bytes in, requests and failures out. An adapter around llhttp, which enforces no limit itself.
//
// It stops after every request, so that its caller decides when to go on, and parses where the bytes lie: the parts of
// a request are views of the input, copied only when they are split over several inputs.
//
// llhttp is built strict: `Name : value`, bare line feeds, bytes outside ASCII in a URL, a Content-Length together with
// a Transfer-Encoding and repeated Content-Lengths are refused (RFC 9112, 11.2: request smuggling).
//
// Pure logic: no sockets, no clock. Thread rule: none of its own; belongs to one session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <llhttp.h>

#include "http/failure.h"
#include "http/limits.h"
#include "http/request.h"
#include "http/request_head.h"
#include "http/split_text.h"

namespace dhtd::http {

class Parser {
 public:
  enum class Outcome : std::uint8_t {
    need_more,  ///< all input is taken and the request is not complete
    request,    ///< `request()` is complete
    failed,     ///< `failure()` says why; nothing more can be parsed
  };
  enum class Phase : std::uint8_t { between, head, body };
  struct Step {
    Outcome outcome;
    std::size_t consumed;
  };

  /// `limits` must outlive the parser.
  explicit Parser(const Limits& limits);
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  /// Takes bytes up to the end of one request. Not to be called after a failure, nor after a request that does not keep
  /// the connection alive: its body may have been left out.
  Step parse(std::string_view bytes);

  /// Valid until the next call of `parse`, while the input given last is there.
  const Request& request() const noexcept { return request_; }
  /// Whether the request is all views of the input, and so outlives the next call of `parse`.
  bool is_in_place() const noexcept { return !head_.is_copied() && !body_.is_copy() && !unknown_method_; }
  const Failure& failure() const noexcept { return *failure_; }
  bool failed() const noexcept { return failure_.has_value(); }

  Phase phase() const noexcept { return phase_; }
  /// Bytes of body received so far, over all requests.
  std::uint64_t body_progress() const noexcept { return body_progress_; }
  /// True while the client waits for "100 Continue" before it sends a body.
  bool awaits_continue() const noexcept { return awaits_continue_; }
  void continue_sent() noexcept { awaits_continue_ = false; }

 private:
  struct Callbacks;

  /// Fields after a chunked body; they are read over and mean nothing (RFC 9110, 6.5.1).
  bool in_trailer() const noexcept { return phase_ == Phase::body; }
  int fail(std::optional<Failure> failure);
  int on_url_complete();
  void check_protocol(const char* at);
  int on_field_name(const char* at, std::size_t size);
  int on_field_name_complete();
  int on_field_value(const char* at, std::size_t size);
  int on_message_begin();
  int on_headers_complete();
  int on_body(const char* at, std::size_t size);
  int on_message_complete();
  void finish_without_body();
  Step ask_for_more(std::string_view bytes);
  llhttp_errno execute(const char*& at);
  Step explain(llhttp_errno error, std::string_view bytes);
  Step read_unknown_method(std::string_view bytes, std::size_t consumed);
  Outcome judge_unknown_method();

  const Limits& limits_;
  llhttp_t llhttp_;
  RequestHead head_;
  SplitText body_;
  Request request_;
  std::optional<Failure> failure_;
  Phase phase_ = Phase::between;
  bool awaits_continue_ = false;
  std::uint64_t body_progress_ = 0;
  const char* input_end_ = nullptr;
  bool awaits_protocol_ = false;               ///< what follows the URL has not been seen yet
  const char* fields_from_ = nullptr;          ///< fields from here on are not counted yet; null outside of fields
  std::size_t head_bytes_ = 0;                 ///< of an incomplete head, blanks that llhttp does not report included
  std::optional<std::string> unknown_method_;  ///< the rest of a request line whose method llhttp does not know
};

}  // namespace dhtd::http
