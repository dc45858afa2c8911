#include "http/response.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <system_error>

#include "base/assert.h"

namespace dhtd::http {
namespace {

std::string_view status_line(unsigned status) noexcept {
  switch (status) {
    case 200:
      return "HTTP/1.1 200 OK\r\n";
    case 304:
      return "HTTP/1.1 304 Not Modified\r\n";
    case 400:
      return "HTTP/1.1 400 Bad Request\r\n";
    case 403:
      return "HTTP/1.1 403 Forbidden\r\n";
    case 404:
      return "HTTP/1.1 404 Not Found\r\n";
    case 405:
      return "HTTP/1.1 405 Method Not Allowed\r\n";
    case 408:
      return "HTTP/1.1 408 Request Timeout\r\n";
    case 409:
      return "HTTP/1.1 409 Conflict\r\n";
    case 412:
      return "HTTP/1.1 412 Precondition Failed\r\n";
    case 413:
      return "HTTP/1.1 413 Content Too Large\r\n";
    case 414:
      return "HTTP/1.1 414 URI Too Long\r\n";
    case 417:
      return "HTTP/1.1 417 Expectation Failed\r\n";
    case 426:
      return "HTTP/1.1 426 Upgrade Required\r\n";
    case 431:
      return "HTTP/1.1 431 Request Header Fields Too Large\r\n";
    case 500:
      return "HTTP/1.1 500 Internal Server Error\r\n";
    case 501:
      return "HTTP/1.1 501 Not Implemented\r\n";
    case 503:
      return "HTTP/1.1 503 Service Unavailable\r\n";
    case 504:
      return "HTTP/1.1 504 Gateway Timeout\r\n";
    case 505:
      return "HTTP/1.1 505 HTTP Version Not Supported\r\n";
    case 507:
      return "HTTP/1.1 507 Insufficient Storage\r\n";
    default:
      break;
  }
  constexpr bool is_status_of_this_server = false;
  DHT_ASSERT(is_status_of_this_server);
  return {};
}

std::string_view type_lines(ContentType type) noexcept {
  switch (type) {
    case ContentType::none:
      return {};
    case ContentType::bytes:
      return "Content-Type: application/octet-stream\r\nX-Content-Type-Options: nosniff\r\n";
    case ContentType::text:
      return "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n";
    case ContentType::json:
      return "Content-Type: application/json\r\n";
  }
  return {};
}

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

/// Writes the short lines of a head one behind the other, to be appended in one go.
class HeadWriter {
 public:
  HeadWriter& add(std::string_view text) noexcept {
    DHT_ASSERT(text.size() <= static_cast<std::size_t>(std::end(bytes_) - at_));
    at_ = std::copy(text.begin(), text.end(), at_);
    return *this;
  }
  HeadWriter& add(std::uint64_t number) noexcept {
    const auto [end, error] = std::to_chars(at_, std::end(bytes_), number);
    DHT_ASSERT(error == std::errc());
    at_ = end;
    return *this;
  }
  std::string_view text() const noexcept { return {bytes_, static_cast<std::size_t>(at_ - bytes_)}; }

 private:
  char bytes_[256];  // more than the longest status, type, ETag, connection and length together
  char* at_ = bytes_;
};

std::string_view connection_line(Ticket ticket) noexcept {
  if (ticket.close) return "Connection: close\r\n";
  return ticket.http_1_0 ? "Connection: keep-alive\r\n" : "";
}

}  // namespace

void append_response(std::string& out, const Response& response, Ticket ticket) {
  HeadWriter head;
  head.add(status_line(response.status)).add(type_lines(response.type));
  if (response.etag != 0) head.add("ETag: \"").add(response.etag).add("\"\r\n");
  head.add(connection_line(ticket));
  // A 304 has no body, and a length would be that of the 200.
  const bool has_body = response.status != 304;
  if (has_body) head.add("Content-Length: ").add(response.body.size()).add("\r\n");
  out.append(head.text()).append(response.extra_headers).append("\r\n");
  if (has_body && !ticket.head) out.append(response.body);
}

void append_failure(std::string& out, const Failure& failure, std::string_view extra_headers, Ticket ticket) {
  const std::string body = to_json(failure);
  append_response(out, {failure.status, ContentType::json, 0, extra_headers, body}, ticket);
}

void append_stream_head(std::string& out, ContentType type, Ticket ticket) {
  out.append(status_line(200));
  out.append(type_lines(type));
  out.append(connection_line(ticket));
  if (!ticket.http_1_0) out.append("Transfer-Encoding: chunked\r\n");
  out.append("\r\n");
}

void append_stream_piece(std::string& out, std::string_view piece, Ticket ticket) {
  if (piece.empty() || ticket.head) return;  // a chunk of length zero would be the end
  if (ticket.http_1_0) {
    out.append(piece);
    return;
  }
  append_number(out, piece.size(), 16);
  out.append("\r\n");
  out.append(piece);
  out.append("\r\n");
}

void append_stream_end(std::string& out, Ticket ticket) {
  if (!ticket.http_1_0 && !ticket.head) out.append("0\r\n\r\n");
}

}  // namespace dhtd::http
