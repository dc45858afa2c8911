#include "http/parser.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "http/target.h"

namespace dhtd::http {
namespace {

/// What a head may hold beside URL, names and values: the method, the version, blanks.
constexpr std::size_t kHeadSlack = 1024;

Method to_method(std::uint8_t method) noexcept {
  switch (method) {
    case HTTP_GET:
      return Method::get;
    case HTTP_HEAD:
      return Method::head;
    case HTTP_PUT:
      return Method::put;
    case HTTP_POST:
      return Method::post;
    case HTTP_DELETE:
      return Method::del;
    default:
      return Method::other;
  }
}

Failure malformed(std::string_view what) { return {400, "bad_request", std::string(what)}; }

/// A sentence for each error of llhttp that tells a person something.
Failure describe(llhttp_errno error, std::string_view reason) {
  switch (error) {
    case HPE_INVALID_VERSION:
    case HPE_PAUSED_H2_UPGRADE:
      return {505, "version_not_supported", "This server speaks HTTP/1.1 and HTTP/1.0."};
    case HPE_INVALID_URL:
      return malformed("The URL is malformed: other bytes than printable ASCII must be percent-encoded.");
    case HPE_INVALID_CONTENT_LENGTH:
      if (reason.find("overflow") != std::string_view::npos) {
        return {413, "too_large", "The Content-Length is over every limit."};
      }
      return malformed("The Content-Length is malformed.");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return malformed("The length of the body is given twice: by two Content-Lengths, or with a Transfer-Encoding.");
    case HPE_INVALID_TRANSFER_ENCODING:
      return malformed("The Transfer-Encoding is malformed, or comes with a Content-Length.");
    case HPE_INVALID_HEADER_TOKEN:
    case HPE_LF_EXPECTED:
    case HPE_CR_EXPECTED:
      return malformed("A header field is malformed.");
    case HPE_INVALID_CHUNK_SIZE:
    case HPE_STRICT:
      return malformed("The chunked body is malformed.");
    default:
      return malformed("This is not a well-formed HTTP request.");
  }
}

bool is_printable(char c) noexcept { return (c >= ' ' && c <= '~') || c == '\r' || c == '\n'; }

}  // namespace

/// llhttp calls back through plain functions; `data` is the parser.
struct Parser::Callbacks {
  static Parser& self(llhttp_t* llhttp) { return *static_cast<Parser*>(llhttp->data); }

  static llhttp_settings_t settings() {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_message_begin = [](llhttp_t* p) { return self(p).on_message_begin(); };
    settings.on_url = [](llhttp_t* p, const char* at, std::size_t size) {
      return self(p).fail(self(p).head_.add_url(at, size));
    };
    settings.on_url_complete = [](llhttp_t* p) { return self(p).on_url_complete(); };
    settings.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) {
      return self(p).on_field_name(at, size);
    };
    settings.on_header_field_complete = [](llhttp_t* p) { return self(p).on_field_name_complete(); };
    settings.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) {
      return self(p).on_field_value(at, size);
    };
    settings.on_headers_complete = [](llhttp_t* p) { return self(p).on_headers_complete(); };
    settings.on_body = [](llhttp_t* p, const char* at, std::size_t size) { return self(p).on_body(at, size); };
    settings.on_message_complete = [](llhttp_t* p) { return self(p).on_message_complete(); };
    return settings;
  }
};

Parser::Parser(const Limits& limits) : limits_(limits), head_(limits) {
  static const llhttp_settings_t settings = Callbacks::settings();
  llhttp_init(&llhttp_, HTTP_REQUEST, &settings);
  llhttp_.data = this;
}

/// What a callback returns: zero to go on.
int Parser::fail(std::optional<Failure> failure) {
  if (!failure) return 0;
  failure_ = std::move(failure);
  return -1;
}

int Parser::on_message_begin() {
  phase_ = Phase::head;
  head_.clear();
  body_.clear();
  head_bytes_ = 0;
  return 0;
}

int Parser::on_url_complete() {
  awaits_protocol_ = true;
  return HPE_PAUSED;
}

/// llhttp takes RTSP and ICE for HTTP; the first letter behind the URL tells them apart.
void Parser::check_protocol(const char* at) {
  at = std::find_if(at, input_end_, [](char c) { return c != ' '; });
  if (at == input_end_) return;
  awaits_protocol_ = false;
  if (*at == 'R' || *at == 'I') fail(malformed("This is not HTTP: the request line names another protocol."));
}

int Parser::on_field_name(const char* at, std::size_t size) {
  if (fields_from_ == nullptr) fields_from_ = at;
  head_.add_field_name(at, size);
  return 0;
}

int Parser::on_field_name_complete() {
  return fail(in_trailer() ? head_.trailer_name_complete() : head_.field_name_complete());
}

int Parser::on_field_value(const char* at, std::size_t size) {
  if (!in_trailer()) head_.add_field_value(at, size);
  return 0;
}

/// Stops llhttp where the head ends, so that its fields are counted before anything is made of the request.
int Parser::on_headers_complete() {
  HeadFacts facts;
  facts.method = to_method(llhttp_.method);
  facts.major = llhttp_.http_major;
  facts.minor = llhttp_.http_minor;
  facts.length = (llhttp_.flags & F_CONTENT_LENGTH) != 0 ? llhttp_.content_length : 0;
  facts.keep_alive = llhttp_should_keep_alive(&llhttp_) != 0 && llhttp_.method != HTTP_CONNECT;
  // The router decides about upgrades; until then an upgrade is a request like any other (RFC 9110, 7.8).
  llhttp_.upgrade = 0;
  if (const int failed = fail(head_.complete(facts))) return failed;
  phase_ = Phase::body;
  const bool has_body = (llhttp_.flags & F_CHUNKED) != 0 || facts.length > 0;
  awaits_continue_ = has_body && head_.expects_continue();
  if (!head_.takes_body() && (awaits_continue_ || facts.length > head_.max_body_bytes())) finish_without_body();
  return HPE_PAUSED;
}

int Parser::on_body(const char* at, std::size_t size) {
  awaits_continue_ = false;
  body_progress_ += size;
  if (body_.size() + size > head_.max_body_bytes()) {
    if (head_.takes_body()) return fail(head_.body_too_large());
    finish_without_body();
    return HPE_PAUSED;
  }
  body_.append(at, size);
  return 0;
}

int Parser::on_message_complete() {
  head_.fill(request_);
  request_.body = body_.view();
  request_.is_last = !request_.keep_alive && llhttp_.method != HTTP_CONNECT;
  phase_ = Phase::between;
  awaits_continue_ = false;
  return HPE_PAUSED;
}

/// Where no body is taken the answer does not depend on it: rather than read one that is large, or that the client has
/// not sent yet, the connection ends.
void Parser::finish_without_body() {
  head_.fill(request_);
  request_.body = {};
  request_.keep_alive = false;
  request_.is_last = false;
  phase_ = Phase::between;
  awaits_continue_ = false;
}

Parser::Step Parser::parse(std::string_view bytes) {
  DHT_ASSERT(!failure_);
  if (unknown_method_) return read_unknown_method(bytes, 0);
  const char* at = bytes.data();
  input_end_ = at + bytes.size();
  if (fields_from_ != nullptr) fields_from_ = at;
  for (;;) {
    if (awaits_protocol_) check_protocol(at);
    const auto error = failure_ ? HPE_USER : execute(at);
    if (failure_ || (error != HPE_OK && error != HPE_PAUSED)) return explain(error, bytes);
    if (error == HPE_OK) return ask_for_more(bytes);
    if (phase_ == Phase::between) return {Outcome::request, static_cast<std::size_t>(at - bytes.data())};
  }
}

/// Moves `at` to where llhttp has stopped, and counts the fields up to there, with the blanks that it does not report.
llhttp_errno Parser::execute(const char*& at) {
  const auto error = llhttp_execute(&llhttp_, at, static_cast<std::size_t>(input_end_ - at));
  if (error != HPE_OK && error != HPE_PAUSED) return error;
  at = error == HPE_OK ? input_end_ : llhttp_get_error_pos(&llhttp_);
  if (fields_from_ != nullptr) fail(head_.count_field_bytes(static_cast<std::size_t>(at - fields_from_)));
  if (error == HPE_PAUSED) {
    fields_from_ = nullptr;
    llhttp_resume(&llhttp_);
  }
  return error;
}

Parser::Step Parser::ask_for_more(std::string_view bytes) {
  // Blank lines behind a request: what that one viewed may be gone, and nobody needs it any more.
  if (phase_ == Phase::between) return {Outcome::need_more, bytes.size()};
  head_.keep();
  body_.keep(std::min(head_.body_bytes(), head_.max_body_bytes()));
  if (phase_ != Phase::head) return {Outcome::need_more, bytes.size()};
  head_bytes_ += bytes.size();
  if (head_bytes_ <= limits_.max_url_bytes() + limits_.max_header_bytes + kHeadSlack) {
    return {Outcome::need_more, bytes.size()};
  }
  failure_ = Failure{431, "header_too_large", "The head of the request is too large."};
  return {Outcome::failed, bytes.size()};
}

Parser::Step Parser::explain(llhttp_errno error, std::string_view bytes) {
  if (error == HPE_INVALID_METHOD && !failure_) {
    const auto at = static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - bytes.data());
    unknown_method_.emplace();
    return read_unknown_method(bytes.substr(at), at);
  }
  if (!failure_) {
    const char* reason = llhttp_get_error_reason(&llhttp_);
    failure_ = describe(error, reason == nullptr ? "" : reason);
  }
  return {Outcome::failed, bytes.size()};
}

/// llhttp gives up at the first byte that no method has. A well-formed line with some other method is still a request,
/// which the router refuses as it refuses every method that a route does not have; then the connection ends.
Parser::Step Parser::read_unknown_method(std::string_view bytes, std::size_t consumed) {
  const auto line_end = bytes.find('\n');
  const auto line = bytes.substr(0, line_end == std::string_view::npos ? line_end : line_end + 1);
  unknown_method_->append(line);
  const bool printable = std::all_of(line.begin(), line.end(), is_printable);
  if (!printable || unknown_method_->size() > limits_.max_url_bytes() + kHeadSlack) {
    failure_ = describe(HPE_INVALID_METHOD, {});
    return {Outcome::failed, consumed + line.size()};
  }
  if (line_end == std::string_view::npos) return {Outcome::need_more, consumed + line.size()};
  return {judge_unknown_method(), consumed + line.size()};
}

Parser::Outcome Parser::judge_unknown_method() {
  std::string_view line = *unknown_method_;
  const auto method_end = line.find(' ');
  const auto target_end = line.rfind(" HTTP/1.");
  const bool well_formed = line.ends_with("\r\n") && target_end != std::string_view::npos && method_end < target_end &&
                           line.size() == target_end + 11 && line.find(' ', method_end + 1) == target_end;
  if (!well_formed) {
    failure_ = describe(HPE_INVALID_METHOD, {});
    return Outcome::failed;
  }
  const Target target = split_target(line.substr(method_end + 1, target_end - method_end - 1));
  request_ = {};
  request_.method = Method::other;
  request_.keep_alive = false;
  request_.path = target.path;
  request_.query = target.query;
  phase_ = Phase::between;
  return Outcome::request;
}

}  // namespace dhtd::http
