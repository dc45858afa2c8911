#include "http/request_head.h"

#include <fmt/format.h>

#include "http/target.h"
#include "http/text.h"

namespace dhtd::http {
namespace {

/// ": " and CR LF.
constexpr std::size_t kFieldOverhead = 4;

struct KnownField {
  std::string_view name;
  Field field;
  bool is_list;  ///< may come in several lines, which then are one list (RFC 9110, 5.3)
};
constexpr KnownField kKnownFields[] = {
    {"host", Field::host, false},
    {"expect", Field::expect, true},
    {"if-match", Field::if_match, true},
    {"if-none-match", Field::if_none_match, true},
    {"origin", Field::origin, false},
    {"sec-fetch-site", Field::sec_fetch_site, false},
    {"transfer-encoding", Field::transfer_encoding, true},
    {"upgrade", Field::upgrade, true},
};

const KnownField* find_field(std::string_view name) noexcept {
  for (const KnownField& known : kKnownFields) {
    if (known.name.size() == name.size() && equal_ignoring_case(known.name, name)) return &known;
  }
  return nullptr;
}

bool is_value_path(std::string_view path) noexcept { return path.starts_with("/db/"); }

}  // namespace

Failure body_too_large(std::size_t limit, bool is_value) {
  if (!is_value) return {413, "too_large", fmt::format("The body is over the limit of {} bytes.", limit)};
  return {413, "too_large",
          fmt::format("The value is over the limit of {} bytes (option --max-value-bytes). To send a file unchanged, "
                      "use curl --data-binary @FILE.",
                      limit)};
}

void RequestHead::clear() noexcept {
  url_.clear();
  name_.clear();
  for (std::size_t i = 0; present_ != 0; ++i, present_ >>= 1) {
    if ((present_ & 1) != 0) values_[i].clear();
  }
  current_.reset();
  header_bytes_ = 0;
  header_fields_ = 0;
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

std::optional<Failure> RequestHead::count_header_bytes(std::size_t size) {
  header_bytes_ += size;
  if (header_bytes_ <= limits_.max_header_bytes) return std::nullopt;
  return Failure{431, "header_too_large",
                 fmt::format("The header fields are over the limit of {} bytes.", limits_.max_header_bytes)};
}

std::optional<Failure> RequestHead::add_field_name(const char* at, std::size_t size) {
  name_.append(at, size);
  return count_header_bytes(size);
}

std::optional<Failure> RequestHead::field_name_complete() {
  if (++header_fields_ > limits_.max_header_fields) {
    return Failure{431, "header_too_large",
                   fmt::format("There are more than {} header fields.", limits_.max_header_fields)};
  }
  const KnownField* known = find_field(name_.view());
  name_.clear();
  current_.reset();
  if (known != nullptr) {
    current_ = known->field;
    if (has(known->field)) {
      if (!known->is_list) {
        return Failure{400, "bad_request", fmt::format("The header field '{}' is there twice.", known->name)};
      }
      SplitText& value = values_[static_cast<std::size_t>(known->field)];
      value.keep();
      value.append(",", 1);
    }
    present_ |= 1u << static_cast<unsigned>(known->field);
  }
  return count_header_bytes(kFieldOverhead);
}

std::optional<Failure> RequestHead::add_field_value(const char* at, std::size_t size) {
  if (current_) values_[static_cast<std::size_t>(*current_)].append(at, size);
  return count_header_bytes(size);
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
  if (auto failure = check_codings(facts)) return failure;
  const bool is_value = is_value_path(split_target(url_.view()).path);
  max_body_bytes_ = is_value ? limits_.max_value_bytes : limits_.max_command_bytes;
  if (facts.has_length && facts.length > max_body_bytes_) return body_too_large(max_body_bytes_, is_value);
  if (has(Field::expect) && facts.minor == 1) {
    if (!equal_ignoring_case(value(Field::expect), "100-continue")) {
      return Failure{417, "expectation_failed", "The only expectation that this server knows is '100-continue'."};
    }
    expects_continue_ = true;
  }
  return std::nullopt;
}

std::string_view RequestHead::value(Field field) const noexcept {
  return trim(values_[static_cast<std::size_t>(field)].view());
}

Request RequestHead::request() const noexcept {
  Request request;
  request.method = facts_.method;
  request.http_1_0 = facts_.minor == 0;
  request.keep_alive = facts_.keep_alive;
  const Target target = split_target(url_.view());
  request.path = target.path;
  request.query = target.query;
  auto left = present_;
  for (std::size_t i = 0; left != 0; ++i, left >>= 1) {
    if ((left & 1) != 0) request.fields[i] = trim(values_[i].view());
  }
  return request;
}

}  // namespace dhtd::http
