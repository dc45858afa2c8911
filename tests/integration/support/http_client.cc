#include "support/http_client.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <system_error>

#include <strings.h>

namespace dht::integration {

namespace {

std::size_t parse_number(std::string_view text, int base) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::runtime_error("not a number in the answer: '" + std::string(text) + "'");
  return number;
}

// Takes the first line off the text, without its end.
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find("\r\n"));
  text.remove_prefix(std::min(text.size(), line.size() + 2));
  return line;
}

Response parse_head(std::string_view head) {
  if (!head.starts_with("HTTP/1.") || head.size() < 12)
    throw std::runtime_error("the answer is no HTTP: '" + std::string(head.substr(0, 80)) + "'");
  Response response;
  response.status = static_cast<int>(parse_number(head.substr(9, 3), 10));
  take_line(head);
  while (!head.empty()) {
    const std::string_view line = take_line(head);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) throw std::runtime_error("a header without a colon: " + std::string(line));
    const std::size_t value = line.find_first_not_of(' ', colon + 1);
    response.headers.emplace_back(line.substr(0, colon), value == std::string_view::npos ? "" : line.substr(value));
  }
  return response;
}

}  // namespace

std::optional<std::string> Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
  return std::nullopt;
}

HttpClient::HttpClient(Endpoint endpoint, std::chrono::milliseconds patience)
    : endpoint_(std::move(endpoint)), patience_(patience) {}

Response HttpClient::get(std::string_view target, const Headers& headers) {
  return request("GET", target, {}, headers);
}
Response HttpClient::head(std::string_view target) { return request("HEAD", target, {}); }
Response HttpClient::put(std::string_view target, std::string_view body, const Headers& headers) {
  return request("PUT", target, body, headers);
}
Response HttpClient::post(std::string_view target, std::string_view body, const Headers& headers) {
  return request("POST", target, body, headers);
}
Response HttpClient::del(std::string_view target, const Headers& headers) {
  return request("DELETE", target, {}, headers);
}

Response HttpClient::request(std::string_view method, std::string_view target, std::string_view body,
                             const Headers& headers) {
  // The server closes a connection that has had no request for a minute, which a slow test can let pass.
  if (socket_.open() && socket_.has_ended()) disconnect();
  send_raw(format(method, target, body, headers));
  return read_response(method == "HEAD");
}

std::vector<Response> HttpClient::pipeline(std::span<const std::string> raw_requests) {
  std::string all;
  for (const std::string& raw : raw_requests)
    all += raw;
  send_raw(all);
  std::vector<Response> responses;
  for (std::size_t i = 0; i < raw_requests.size(); ++i)
    responses.push_back(read_response());
  return responses;
}

std::string HttpClient::format(std::string_view method, std::string_view target, std::string_view body,
                               const Headers& headers) const {
  std::string text(method);
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(to_string(endpoint_)).append("\r\n");
  for (const auto& [name, value] : headers)
    text.append(name).append(": ").append(value).append("\r\n");
  if (!body.empty() || method == "PUT" || method == "POST")
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  return text.append("\r\n").append(body);
}

void HttpClient::connect_if_needed() {
  if (socket_.open() && !closing_) return;
  disconnect();
  socket_ = Socket::connect(endpoint_, patience_);
}

void HttpClient::send_raw(std::string_view bytes) {
  connect_if_needed();
  socket_.send(bytes);
}

void HttpClient::finish_sending() { socket_.finish_sending(); }

bool HttpClient::fill() {
  const std::string more = socket_.receive();
  buffer_ += more;
  return !more.empty();
}

std::string HttpClient::take_until(std::string_view end) {
  std::size_t searched = 0;
  for (;;) {
    const std::size_t at = buffer_.find(end, searched);
    if (at != std::string::npos) return take(at + end.size()).substr(0, at);
    searched = buffer_.size() < end.size() ? 0 : buffer_.size() - end.size();
    if (!fill()) throw std::system_error(std::make_error_code(std::errc::connection_reset), "closed before an answer");
  }
}

std::string HttpClient::take(std::size_t size) {
  while (buffer_.size() < size)
    if (!fill()) throw std::system_error(std::make_error_code(std::errc::connection_reset), "closed in an answer");
  std::string bytes = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return bytes;
}

void HttpClient::read_body(Response& response) {
  if (const auto length = response.header("Content-Length")) {
    response.body = take(parse_number(*length, 10));
  } else if (response.header("Transfer-Encoding") == "chunked") {
    for (;;) {
      const std::size_t size = parse_number(take_until("\r\n"), 16);
      response.body += take(size);
      if (take_until("\r\n") != "") throw std::runtime_error("a chunk does not end where it said");
      if (size == 0) return;
    }
  } else {
    while (fill())
      continue;
    response.body = std::exchange(buffer_, {});
    closing_ = true;
  }
}

Response HttpClient::read_response(bool to_head, bool interim_too) {
  Response response;
  do {
    response = parse_head(take_until("\r\n\r\n"));
  } while (response.status < 200 && !interim_too);
  const bool has_body = !to_head && response.status >= 200 && response.status != 204 && response.status != 304;
  in_answer_ = true;
  if (has_body) read_body(response);
  in_answer_ = false;
  if (response.header("Connection") == "close") closing_ = true;
  ++answers_;
  return response;
}

bool HttpClient::closed_by_server(std::chrono::milliseconds patience) {
  if (!socket_.open()) return true;
  socket_.set_patience(patience);
  try {
    return buffer_.empty() && !fill();
  } catch (const std::system_error& error) {
    return error.code() == std::errc::connection_reset;
  }
}

void HttpClient::disconnect() {
  socket_ = Socket();
  buffer_.clear();
  answers_ = 0;
  in_answer_ = false;
  closing_ = false;
}

std::string percent_encode(std::string_view bytes) {
  static constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/";
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (kPlain.find(c) != std::string_view::npos)
      encoded += c;
    else
      (encoded += '%').append({kHex[byte >> 4], kHex[byte & 15]});
  }
  return encoded;
}

std::string db(std::string_view key) { return "/db/" + percent_encode(key); }

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    if (end == std::string_view::npos) throw std::runtime_error("a line without CR LF: " + std::string(text));
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 2);
  }
  return lines;
}

}  // namespace dht::integration
