// Targets of requests: splitting them into path and query, and percent coding.
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dhtd::http {

struct Target {
  std::string_view path;
  std::string_view query;
};

/// Splits an origin-form (`/path?query`) or absolute-form (`http://host/path?query`) target (RFC 9112, 3.2). Any other
/// form comes back whole, as the path.
Target split_target(std::string_view target) noexcept;

/// The decoded text: a view of `encoded` itself where nothing is escaped, else of `space`. Nothing where a `%` is not
/// followed by two hexadecimal digits. A `+` stays a plus.
std::optional<std::string_view> percent_decode(std::string_view encoded, std::string& space);

/// The decoded value of `name` in a query of the form `a=1&b=2`. Nothing where the query does not have it, has it more
/// than once or has a bad escape in it.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

/// Appends a key as a line of the listing shows it: CR, LF and `%` escaped, so that every line is one key.
void append_listed_key(std::string& out, std::string_view key);

}  // namespace dhtd::http
