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
    settings.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) {
      return self(p).fail(self(p).in_trailer() ? self(p).head_.count_trailer(size)
                                               : self(p).head_.add_field_name(at, size));
    };
    settings.on_header_field_complete = [](llhttp_t* p) {
      return self(p).in_trailer() ? 0 : self(p).fail(self(p).head_.field_name_complete());
    };
    settings.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) {
      return self(p).fail(self(p).in_trailer() ? self(p).head_.count_trailer(size)
                                               : self(p).head_.add_field_value(at, size));
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

int Parser::on_headers_complete() {
  HeadFacts facts;
  facts.method = to_method(llhttp_.method);
  facts.major = llhttp_.http_major;
  facts.minor = llhttp_.http_minor;
  facts.has_length = (llhttp_.flags & F_CONTENT_LENGTH) != 0;
  facts.length = llhttp_.content_length;
  facts.keep_alive = llhttp_should_keep_alive(&llhttp_) != 0 && llhttp_.method != HTTP_CONNECT;
  // The router decides about upgrades; until then an upgrade is a request like any other (RFC 9110, 7.8).
  llhttp_.upgrade = 0;
  if (const int failed = fail(head_.complete(facts))) return failed;
  phase_ = Phase::body;
  const bool has_body = (llhttp_.flags & F_CHUNKED) != 0 || facts.length > 0;
  awaits_continue_ = has_body && head_.expects_continue();
  return 0;
}

int Parser::on_body(const char* at, std::size_t size) {
  awaits_continue_ = false;
  body_progress_ += size;
  if (body_.size() + size > head_.max_body_bytes()) {
    return fail(body_too_large(head_.max_body_bytes(), head_.request().path.starts_with("/db/")));
  }
  body_.append(at, size);
  return 0;
}

int Parser::on_message_complete() {
  request_ = head_.request();
  request_.body = body_.view();
  phase_ = Phase::between;
  awaits_continue_ = false;
  return HPE_PAUSED;
}

Parser::Step Parser::parse(std::string_view bytes) {
  DHT_ASSERT(!failure_);
  if (unknown_method_) return read_unknown_method(bytes, 0);
  const auto error = llhttp_execute(&llhttp_, bytes.data(), bytes.size());
  if (error == HPE_OK) {
    head_.keep();
    body_.keep();
    if (phase_ != Phase::head) return {Outcome::need_more, bytes.size()};
    head_bytes_ += bytes.size();
    if (head_bytes_ <= limits_.max_url_bytes() + limits_.max_header_bytes + kHeadSlack) {
      return {Outcome::need_more, bytes.size()};
    }
    failure_ = Failure{431, "header_too_large", "The head of the request is too large."};
    return {Outcome::failed, bytes.size()};
  }
  if (error != HPE_PAUSED) return explain(error, bytes);
  const auto consumed = static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - bytes.data());
  llhttp_resume(&llhttp_);
  return {Outcome::request, consumed};
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
