// Entity tags: an entry's version in quotes, and the conditions that clients make of them (RFC 9110, 13.1).
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include <dht/entry.h>

#include "http/failure.h"
#include "http/request.h"

namespace dhtd {

/// The version that `tag` names: `"123"`, nothing for any other text, weak tags included.
std::optional<dht::Version> parse_etag(std::string_view tag) noexcept;

/// Whether `If-None-Match` holds an entry of this version (zero: none) back from a reader, who has it already. Weak
/// comparison: `W/"123"` counts.
bool is_known_to_reader(std::string_view if_none_match, dht::Version version) noexcept;

/// True where `If-Match` or `If-None-Match` is there and says nothing: that its sender meant no condition is unlikely.
bool has_empty_condition(const http::Request& request) noexcept;

/// What a write demands with `If-Match` and `If-None-Match`; a failure where that cannot hold (412) or makes no sense
/// here (400).
std::variant<dht::Precondition, http::Failure> write_precondition(const http::Request& request);

}  // namespace dhtd
