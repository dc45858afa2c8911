#include "handlers/etag.h"

#include <charconv>
#include <utility>

#include "http/text.h"

namespace dhtd {
namespace {

using http::Field;

bool is_quoted(std::string_view tag) noexcept {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  return tag.size() >= 2 && tag.front() == '"' && tag.find('"', 1) == tag.size() - 1;
}

http::Failure malformed(const char* sentence) { return {400, "bad_request", sentence}; }

}  // namespace

std::optional<dht::Version> parse_etag(std::string_view tag) noexcept {
  if (tag.size() < 3 || tag.front() != '"' || tag.back() != '"') return std::nullopt;
  const auto digits = tag.substr(1, tag.size() - 2);
  dht::Version version = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  const bool canonical = error == std::errc() && end == digits.data() + digits.size() && digits.front() != '0';
  return canonical ? std::optional(version) : std::nullopt;
}

bool is_known_to_reader(std::string_view if_none_match, dht::Version version) noexcept {
  if (version == 0) return false;
  while (!if_none_match.empty()) {
    auto tag = http::take_item(if_none_match);
    if (tag == "*") return true;
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (parse_etag(tag) == version) return true;
  }
  return false;
}

bool has_empty_condition(const http::Request& request) noexcept {
  return request.field(Field::if_match) == "" || request.field(Field::if_none_match) == "";
}

std::variant<dht::Precondition, http::Failure> write_precondition(const http::Request& request) {
  const auto if_match = request.field(Field::if_match);
  const auto if_none_match = request.field(Field::if_none_match);
  if (if_match && if_none_match) {
    return malformed("A write takes either If-Match or If-None-Match.");
  }
  if (if_none_match) {
    if (if_none_match == "*") return dht::Precondition::absent();
    return malformed("With a write, If-None-Match can only be *: the key must not exist.");
  }
  if (!if_match) return dht::Precondition{};
  if (if_match == "*") return dht::Precondition::present();
  if (!is_quoted(*if_match)) {
    return malformed("If-Match takes * or one entity tag, in quotes, as an ETag field gave it.");
  }
  if (const auto version = parse_etag(*if_match)) return dht::Precondition::matches(*version);
  return http::Failure{412, "precondition_failed", "No entry ever had this entity tag; nothing was changed."};
}

}  // namespace dhtd
