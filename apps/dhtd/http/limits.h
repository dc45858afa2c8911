// Limits: what one request and one connection may take. Every one of them is checked before memory is spent.
//
// Thread rule: a plain value, set once at start and shared by all connections.
#pragma once

#include <cstddef>

#include <dht/entry.h>

namespace dhtd::http {

/// So many requests that came in one piece are handled together.
inline constexpr std::size_t kMostTogether = 32;

struct Limits {
  std::size_t max_key_bytes = dht::kMaxKeyBytes;
  std::size_t max_value_bytes = dht::kDefaultMaxValueBytes;
  /// Bodies of requests that carry no value: join lists.
  std::size_t max_command_bytes = 64u * 1024;
  /// The lines of all header fields of one request together, those after a chunked body included.
  std::size_t max_header_bytes = 16u * 1024;
  std::size_t max_header_fields = 100;
  /// Requests of one connection that are begun and not yet answered; past it the connection is not read.
  std::size_t max_in_flight = 128;
  /// Answers of one connection that wait for a slow reader or for their turn; past it the connection is not read.
  std::size_t max_output_bytes = 256u * 1024;
  /// What the requests of one connection that are under way may be expected to bring; past it the connection is not
  /// read.
  std::size_t max_expected_bytes = 8u * 1024 * 1024;

  /// A key of the largest size with every byte escaped, and room for the route and a query.
  std::size_t max_url_bytes() const noexcept { return 3 * max_key_bytes + 64; }
};

}  // namespace dhtd::http
