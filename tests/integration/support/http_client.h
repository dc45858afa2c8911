// A small HTTP/1.1 client that a test controls to the byte: keep-alive,
// pipelining, malformed input.
//
// Thread rule: one thread at a time.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/deadline.h"
#include "support/socket.h"

namespace dht::integration {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Response {
  int status = 0;
  Headers headers;
  std::string body;

  /// The first header of that name, in any case.
  std::optional<std::string> header(std::string_view name) const;
};

/// Connects when first used and again after the server has closed. Throws
/// std::system_error where the connection breaks or nothing comes in time,
/// std::runtime_error where the answer is no HTTP.
class HttpClient {
 public:
  explicit HttpClient(Endpoint endpoint, std::chrono::milliseconds patience = kPatience);

  Response get(std::string_view target, const Headers& headers = {});
  Response head(std::string_view target);
  Response put(std::string_view target, std::string_view body, const Headers& headers = {});
  Response post(std::string_view target, std::string_view body = {}, const Headers& headers = {});
  Response del(std::string_view target, const Headers& headers = {});
  Response request(std::string_view method, std::string_view target, std::string_view body,
                   const Headers& headers = {});

  /// Sends all requests before it reads the first answer.
  std::vector<Response> pipeline(std::span<const std::string> raw_requests);
  /// The bytes of a request as `request` would send it.
  std::string format(std::string_view method, std::string_view target, std::string_view body = {},
                     const Headers& headers = {}) const;

  void send_raw(std::string_view bytes);
  void finish_sending();
  /// Interim answers (100) are passed over unless they are asked for.
  Response read_response(bool to_head = false, bool interim_too = false);
  /// True where the server has closed, or closes within the time, with no
  /// further byte.
  bool closed_by_server(std::chrono::milliseconds patience = kPatience);
  void disconnect();
  /// After an exception: whether this connection had given an answer before, and whether a part of one had come. What
  /// an HTTP client may send again is decided by this.
  bool was_reused() const { return answers_ > 0; }
  bool has_part_of_answer() const { return in_answer_ || !buffer_.empty(); }

 private:
  void connect_if_needed();
  bool fill();
  std::string take_until(std::string_view end);
  std::string take(std::size_t size);
  void read_body(Response& response);

  Endpoint endpoint_;
  std::chrono::milliseconds patience_;
  Socket socket_;
  std::string buffer_;
  std::size_t answers_ = 0;
  bool in_answer_ = false;  ///< its head has been read
  bool closing_ = false;    ///< the server has said that it closes
};

/// Percent-encodes everything but letters, digits and "-_.~/".
std::string percent_encode(std::string_view bytes);
/// The target of a key: "/db/" and the encoded key.
std::string db(std::string_view key);
/// Lines that each end with CR LF; throws std::runtime_error where the last one
/// does not.
std::vector<std::string> lines_of(std::string_view text);

}  // namespace dht::integration
