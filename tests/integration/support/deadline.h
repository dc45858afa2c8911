// Waiting for something observable in another process, with a deadline.
//
// Real processes have no virtual time, so here, and only in tests of real
// processes, a condition is polled.
#pragma once

#include <chrono>
#include <thread>

namespace dht::integration {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

/// Long enough for a slow machine under a sanitizer; what takes this long has
/// failed.
inline constexpr std::chrono::seconds kPatience{30};

/// True as soon as the condition holds, false when it does not hold within the
/// time.
template <typename Condition>
bool eventually(Condition&& condition, SteadyClock::duration patience = kPatience) {
  const auto deadline = SteadyClock::now() + patience;
  while (!condition()) {
    if (SteadyClock::now() >= deadline) return condition();
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

inline double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

}  // namespace dht::integration
