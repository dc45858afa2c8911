// Burst: says when a series of like events begins, so that the log gets one line for each series and not for each
// event.
//
// Thread rule: may be used from any thread.
#pragma once

#include <atomic>
#include <chrono>

namespace dhtd::http {

class Burst {
 public:
  using Clock = std::chrono::steady_clock;

  /// To be called at each event. True where none came in the ten seconds before it.
  bool begins(Clock::time_point now) noexcept {
    const auto at = now.time_since_epoch();
    const Clock::duration before{last_.exchange(at.count(), std::memory_order_relaxed)};
    return at - before > kQuiet;
  }

 private:
  static constexpr Clock::duration kQuiet = std::chrono::seconds(10);

  std::atomic<Clock::rep> last_{(-2 * kQuiet).count()};
};

}  // namespace dhtd::http
