// Asks a node for one thing over and over, each time with little patience, to see when it is answered again.
//
// Thread rule: constructed, asked and destroyed by one thread; it works in one of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "support/http_client.h"

namespace dht::integration {

class Poller {
 public:
  enum class Kind : std::uint8_t { get, put };
  Poller(Kind kind, Endpoint endpoint, std::string key);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// From now on the first success is looked for.
  void begin() { begun_ = SteadyClock::now().time_since_epoch().count(); }
  /// From `begin` to the answer to the first request, sent later than that, that was answered with success.
  std::optional<double> seconds() const;
  /// Requests that were answered with success since it was made.
  std::uint64_t successes() const { return successes_; }

 private:
  void run();
  bool ask(HttpClient& http);

  const Kind kind_;
  const Endpoint endpoint_;
  const std::string target_;
  std::atomic<SteadyClock::rep> begun_{0};     ///< zero: not yet
  std::atomic<SteadyClock::rep> answered_{0};  ///< zero: not yet
  std::atomic<std::uint64_t> successes_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace dht::integration
