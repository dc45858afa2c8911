// A blocking TCP socket with a time limit on every call: what the HTTP client
// and the fake servers are made of.
//
// Thread rule: one thread at a time, but `shut_down` may be called from
// another.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dht::integration {

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
};
std::string to_string(const Endpoint& endpoint);

/// All errors are thrown as std::system_error; a time-out is
/// std::errc::timed_out.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  static Socket connect(const Endpoint& endpoint, std::chrono::milliseconds patience);
  /// Listens on a free port of 127.0.0.1.
  static Socket listen();
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;

  bool open() const { return fd_ >= 0; }
  std::uint16_t local_port() const;
  Socket accept();
  void set_patience(std::chrono::milliseconds patience);
  void send(std::string_view bytes);
  /// Up to that many bytes; empty at the end of the stream.
  std::string receive(std::size_t at_most = 65536);
  /// Whether the other side has closed, and everything that it sent was received.
  bool has_ended() const;
  /// Says that nothing more will be sent.
  void finish_sending();
  /// Wakes whoever waits on it.
  void shut_down();

 private:
  int fd_ = -1;
};

/// A port on which nobody listened a moment ago.
std::uint16_t free_port();

}  // namespace dht::integration
