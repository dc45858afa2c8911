#include "http/request_head.h"

#include <fmt/format.h>

#include "http/target.h"
#include "http/text.h"

namespace dhtd::http {
namespace {

struct KnownField {
  std::string_view name;
  Field field;
  bool is_list;  ///< may come in several lines, which then are one list (RFC 9110, 5.3)
};
constexpr KnownField kKnownFields[] = {
    {"host", Field::host, false},
    {"connection", Field::connection, true},
    {"expect", Field::expect, true},
    {"if-match", Field::if_match, true},
    {"if-none-match", Field::if_none_match, true},
    {"origin", Field::origin, false},
    {"sec-fetch-site", Field::sec_fetch_site, false},
    {"transfer-encoding", Field::transfer_encoding, true},
    {"upgrade", Field::upgrade, true},
};

constexpr std::string_view kValuePrefix = "/db/";
constexpr std::string_view kJoinPath = "/dht/join";

const KnownField* find_field(std::string_view name) noexcept {
  for (const KnownField& known : kKnownFields) {
    if (known.name.size() == name.size() && equal_ignoring_case(known.name, name)) return &known;
  }
  return nullptr;
}

}  // namespace

void RequestHead::clear() noexcept {
  url_.clear();
  name_.clear();
  for (std::size_t i = 0; present_ != 0; ++i, present_ >>= 1) {
    if ((present_ & 1) != 0) values_[i].clear();
  }
  current_.reset();
  field_bytes_ = 0;
  fields_ = 0;
  expects_continue_ = false;
}

void RequestHead::keep() {
  url_.keep();
  name_.keep();
  if (present_ == 0) return;
  for (SplitText& text : values_)
    text.keep();
}

std::optional<Failure> RequestHead::add_url(const char* at, std::size_t size) {
  if (url_.size() + size > limits_.max_url_bytes()) {
    return Failure{414, "url_too_long", fmt::format("The URL is over the limit of {} bytes.", limits_.max_url_bytes())};
  }
  url_.append(at, size);
  return std::nullopt;
}

std::optional<Failure> RequestHead::count_field_bytes(std::size_t size) {
  field_bytes_ += size;
  if (field_bytes_ <= limits_.max_header_bytes) return std::nullopt;
  return Failure{431, "header_too_large",
                 fmt::format("The header fields are over the limit of {} bytes.", limits_.max_header_bytes)};
}

std::optional<Failure> RequestHead::count_field() {
  if (name_.size() == 0) return Failure{400, "bad_request", "A header field has no name."};
  if (++fields_ <= limits_.max_header_fields) return std::nullopt;
  return Failure{431, "header_too_large",
                 fmt::format("There are more than {} header fields.", limits_.max_header_fields)};
}

std::optional<Failure> RequestHead::field_name_complete() {
  if (auto failure = count_field()) return failure;
  const KnownField* known = find_field(name_.view());
  name_.clear();
  current_.reset();
  if (known == nullptr) return std::nullopt;
  current_ = known->field;
  if (has(known->field)) {
    if (!known->is_list) {
      return Failure{400, "bad_request", fmt::format("The header field '{}' is there twice.", known->name)};
    }
    SplitText& value = values_[static_cast<std::size_t>(known->field)];
    value.keep();
    value.append(",", 1);
  }
  present_ = static_cast<std::uint16_t>(present_ | 1u << static_cast<unsigned>(known->field));
  return std::nullopt;
}

void RequestHead::add_field_value(const char* at, std::size_t size) {
  if (current_) values_[static_cast<std::size_t>(*current_)].append(at, size);
}

std::optional<Failure> RequestHead::trailer_name_complete() {
  auto failure = count_field();
  name_.clear();
  return failure;
}

std::optional<Failure> RequestHead::check_codings(const HeadFacts& facts) {
  if (!has(Field::transfer_encoding)) return std::nullopt;
  if (facts.minor == 0) {
    return Failure{400, "bad_request", "HTTP/1.0 has no Transfer-Encoding."};
  }
  if (equal_ignoring_case(value(Field::transfer_encoding), "chunked")) return std::nullopt;
  return Failure{501, "not_implemented", "The only transfer coding that this server knows is 'chunked'."};
}

std::optional<Failure> RequestHead::complete(const HeadFacts& facts) {
  facts_ = facts;
  if (facts.major != 1 || facts.minor > 1) {
    return Failure{505, "version_not_supported", "This server speaks HTTP/1.1 and HTTP/1.0."};
  }
  if (facts.minor == 1 && !has(Field::host)) {
    return Failure{400, "bad_request", "A request of HTTP/1.1 needs a Host field."};
  }
  if (auto failure = check_codings(facts)) return failure;
  const auto path = split_target(url_.view()).path;
  is_value_ = path.starts_with(kValuePrefix);
  takes_body_ = is_value_ || path == kJoinPath;
  if (takes_body_ && facts.length > max_body_bytes()) return body_too_large();
  if (has(Field::expect) && facts.minor == 1) {
    if (!equal_ignoring_case(value(Field::expect), "100-continue")) {
      return Failure{417, "expectation_failed", "The only expectation that this server knows is '100-continue'."};
    }
    expects_continue_ = true;
  }
  return std::nullopt;
}

Failure RequestHead::body_too_large() const {
  if (!is_value_) return {413, "too_large", fmt::format("The body is over the limit of {} bytes.", max_body_bytes())};
  return {413, "too_large",
          fmt::format("The value is over the limit of {} bytes (option --max-value-bytes). To send a file unchanged, "
                      "use curl --data-binary @FILE.",
                      max_body_bytes())};
}

std::string_view RequestHead::value(Field field) const noexcept {
  return trim(values_[static_cast<std::size_t>(field)].view());
}

bool RequestHead::is_copied() const noexcept {
  if (url_.is_copy()) return true;
  auto left = present_;
  for (std::size_t i = 0; left != 0; ++i, left >>= 1) {
    if ((left & 1) != 0 && values_[i].is_copy()) return true;
  }
  return false;
}

void RequestHead::fill(Request& request) const noexcept {
  request.method = facts_.method;
  request.http_1_0 = facts_.minor == 0;
  request.keep_alive = facts_.keep_alive;
  const Target target = split_target(url_.view());  // where the URL lies now: it may have been copied since `complete`
  request.path = target.path;
  request.query = target.query;
  request.present = present_;
  request.fields = {};
  unsigned left = present_;
  for (std::size_t i = 0; left != 0; ++i, left >>= 1) {
    if ((left & 1) != 0) request.fields[i] = trim(values_[i].view());
  }
}

}  // namespace dhtd::http
