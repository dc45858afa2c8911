#include "http/target.h"

#include <algorithm>

#include "http/text.h"

namespace dhtd::http {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The path of an absolute-form target, or the text as it is.
std::string_view without_authority(std::string_view target) noexcept {
  const auto scheme_end = target.find("://");
  if (scheme_end == std::string_view::npos) return target;
  const auto scheme = target.substr(0, scheme_end);
  if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) return target;
  target.remove_prefix(scheme_end + 3);
  const auto path = target.find_first_of("/?");
  return path == std::string_view::npos ? std::string_view() : target.substr(path);
}

}  // namespace

Target split_target(std::string_view target) noexcept {
  if (target.empty() || target.front() != '/') target = without_authority(target);
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return {target.empty() ? "/" : target, {}};
  const auto path = target.substr(0, mark);
  return {path.empty() ? "/" : path, target.substr(mark + 1)};
}

std::optional<std::string_view> percent_decode(std::string_view encoded, std::string& space) {
  auto escape = encoded.find('%');
  if (escape == std::string_view::npos) return encoded;
  space.clear();
  space.reserve(encoded.size());
  while (escape != std::string_view::npos) {
    space.append(encoded.substr(0, escape));
    if (encoded.size() - escape < 3) return std::nullopt;
    const int high = hex_digit(encoded[escape + 1]);
    const int low = hex_digit(encoded[escape + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    space.push_back(static_cast<char>(high * 16 + low));
    encoded.remove_prefix(escape + 3);
    escape = encoded.find('%');
  }
  space.append(encoded);
  return space;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  std::optional<std::string_view> encoded;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto item = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto equals = std::min(item.find('='), item.size());
    if (item.substr(0, equals) != name) continue;
    if (encoded) return std::nullopt;
    encoded = item.substr(std::min(equals + 1, item.size()));
  }
  if (!encoded) return std::nullopt;
  std::string space;
  const auto value = percent_decode(*encoded, space);
  return value ? std::optional(std::string(*value)) : std::nullopt;
}

void append_listed_key(std::string& out, std::string_view key) {
  for (auto special = key.find_first_of("\r\n%"); special != std::string_view::npos;
       special = key.find_first_of("\r\n%")) {
    out.append(key.substr(0, special));
    out.append(key[special] == '\r' ? "%0D" : key[special] == '\n' ? "%0A" : "%25");
    key.remove_prefix(special + 1);
  }
  out.append(key);
}

}  // namespace dhtd::http
