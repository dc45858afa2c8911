// Servers that are no dhtd, and a proxy that records what two dhtds say to each
// other.
//
// Thread rule: made and destroyed by one thread; each has threads of its own
// inside.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/socket.h"

namespace dht::integration {

/// Accepts connections on a free port and hands each to `serve` on a thread of
/// its own, until it is destroyed.
class FakeServer {
 public:
  /// `serve` may throw std::system_error: the connection is then closed.
  /// Blocking calls on it end when the server is destroyed.
  explicit FakeServer(std::function<void(Socket&)> serve);
  ~FakeServer();

  Endpoint endpoint() const { return endpoint_; }

 private:
  struct Session {
    Socket socket;
    std::thread thread;
  };
  void accept_all();

  std::function<void(Socket&)> serve_;
  Socket listener_;
  Endpoint endpoint_;
  std::mutex mutex_;
  bool stopping_ = false;
  std::list<Session> sessions_;
  std::thread acceptor_;
};

/// Takes connections on a free port, hands them on to a target and keeps what
/// the connecting side sent.
class RecordingProxy {
 public:
  RecordingProxy();
  Endpoint endpoint() const { return server_.endpoint(); }
  /// To be called before the first connection comes.
  void set_target(Endpoint target);
  /// What was sent towards the target so far, one string per connection.
  std::vector<std::string> recorded();
  /// How many bytes were sent towards the target so far, and how many came back.
  std::uint64_t sent() const { return sent_; }
  std::uint64_t returned() const { return returned_; }

 private:
  void relay(Socket& source);

  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> returned_{0};
  std::mutex mutex_;
  Endpoint target_;
  std::list<std::string> recorded_;
  FakeServer server_;
};

}  // namespace dht::integration
