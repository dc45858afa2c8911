// Scheduler: time, deferred execution and randomness, injected so that the same code runs on real and on virtual time.
//
// Implementations: `AsioScheduler` (dht/asio.h, a strand on an io_context) and `testing::ManualScheduler` (virtual
// time, moved by the test).
//
// Thread rule: every method may be called from any thread. Functions passed to one scheduler run one at a time, never
// inside the call that passed them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <dht/function.h>

namespace dht {

using Duration = std::chrono::nanoseconds;

/// A monotonic instant. It counts the time that the machine was suspended, too (CLOCK_BOOTTIME), since others' leases
/// do not stop while we sleep. Its zero has no meaning.
struct Instant {
  std::chrono::nanoseconds since_start{0};

  auto operator<=>(const Instant&) const = default;
  friend Instant operator+(Instant at, Duration by) { return {at.since_start + by}; }
  friend Instant operator-(Instant at, Duration by) { return {at.since_start - by}; }
  friend Duration operator-(Instant later, Instant earlier) { return later.since_start - earlier.since_start; }
};

class Scheduler {
 public:
  /// A function that is still to run. Destroying or resetting it cancels the function, unless it is running already:
  /// from within the scheduler's own functions a cancelled one is certain not to run afterwards.
  class Timer {
   public:
    virtual ~Timer() = default;
  };

  virtual ~Scheduler() = default;

  virtual Instant now() const = 0;
  /// Milliseconds since 1970 by the wall clock; may jump.
  virtual std::uint64_t wall_ms() const = 0;
  /// Runs `task` soon. A task still waiting when the scheduler is destroyed is destroyed without being run.
  virtual void post(Function<void()> task) = 0;
  /// Runs `task` once, `delay` from now, unless the timer is destroyed before.
  [[nodiscard]] virtual std::unique_ptr<Timer> call_later(Duration delay, Function<void()> task) = 0;
  /// 64 random bits: from the system on a real scheduler, from the seed on a simulated one.
  virtual std::uint64_t random() = 0;
};

}  // namespace dht
