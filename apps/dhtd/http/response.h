// Response: one answer, and how it is written.
//
// Thread rule: plain values; a Response is made of views that must live until the call that takes it returns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <dht/types.h>

#include "http/failure.h"

namespace dhtd::http {

enum class ContentType : std::uint8_t { none, bytes, text, json };

struct Response {
  unsigned status = 200;
  ContentType type = ContentType::none;
  dht::Version etag = 0;           ///< zero: none
  std::string_view extra_headers;  ///< whole lines, each with its CR LF
  std::string_view body;
};

/// Which request an answer belongs to, and what of the request decides how it is written.
struct Ticket {
  std::uint64_t number = 0;  ///< position in its connection, from zero
  bool head = false;         ///< no body in the answer
  bool http_1_0 = false;
  bool close = false;  ///< the connection ends with this answer

  bool operator==(const Ticket&) const = default;
};

void append_response(std::string& out, const Response& response, Ticket ticket);
/// `extra_headers` as in a Response.
void append_failure(std::string& out, const Failure& failure, std::string_view extra_headers, Ticket ticket);
/// The head of an answer whose length is not known: in chunks, or for HTTP/1.0 until the connection closes.
void append_stream_head(std::string& out, ContentType type, Ticket ticket);
/// A piece of such an answer; an empty one adds nothing.
void append_stream_piece(std::string& out, std::string_view piece, Ticket ticket);
void append_stream_end(std::string& out, Ticket ticket);

}  // namespace dhtd::http
