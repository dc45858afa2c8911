// ManualScheduler: a Scheduler on virtual time, which stands still until the test moves it.
//
// Alone for a unit test (`ManualScheduler scheduler{seed}`), or many on one Timeline: a simulated process each, with
// its own stream of random numbers and its own clocks, that can crash and pause by itself. The timeline's is the true
// time.
//
// Thread rule: one thread only, `post` included.
#pragma once

#include <cstdint>
#include <memory>
#include <random>

#include <dht/scheduler.h>
#include <dht/testing/drifting_clock.h>
#include <dht/testing/timeline.h>

namespace dht::testing {

class ManualScheduler final : public Scheduler {
 public:
  /// What the wall clock shows at the start of a timeline: 1 January 2026, 00:00 UTC.
  static constexpr std::uint64_t kStartOfWallClock = 1'767'225'600'000;

  /// With a timeline of its own.
  explicit ManualScheduler(std::uint64_t seed = 1);
  /// On a timeline shared with others, which must outlive this scheduler and its timers.
  /// Its clock is `clock_offset` ahead of true time, so that instants of two processes cannot be compared by mistake.
  ManualScheduler(Timeline& timeline, std::uint64_t seed, Duration clock_offset = Duration{0});
  /// Destroys what is still to run.
  ~ManualScheduler() override;
  ManualScheduler(const ManualScheduler&) = delete;
  ManualScheduler& operator=(const ManualScheduler&) = delete;

  /// By this process's clock.
  Instant now() const override { return clock_.at(timeline_.now()); }
  std::uint64_t wall_ms() const override;
  void post(Function<void()> task) override;
  /// When this process's clock will have gone on by `delay`, as far as its present rate tells.
  [[nodiscard]] std::unique_ptr<Timer> call_later(Duration delay, Function<void()> task) override;
  std::uint64_t random() override { return random_(); }

  /// Destroys everything that is still to run, and everything passed from now on: the process is gone.
  void crash();
  bool is_crashed() const noexcept { return crashed_; }
  /// Nothing of it runs until `resume`, as after SIGSTOP; its clocks go on. A task that is running ends first.
  void pause() { timeline_.pause(this); }
  /// Everything overdue runs as soon as time does, in the order in which it was due.
  void resume() { timeline_.resume(this); }
  bool is_paused() const { return timeline_.is_paused(this); }
  /// From now on this process's clock gains so many millionths (loses, where negative). Timers that are set stay where
  /// they are in true time. The wall clock, which follows true time, does too.
  void set_clock_rate(std::int64_t parts_per_million) { clock_.set_rate(timeline_.now(), parts_per_million); }
  /// Sets this wall clock ahead of the others (or back, where negative), at any time.
  void set_wall_offset(std::chrono::milliseconds offset) noexcept { wall_offset_ = offset; }

  Timeline& timeline() noexcept { return timeline_; }

  // What Timeline says of the same names; they run the tasks of every scheduler on it.

  bool run_one() { return timeline_.run_one(); }
  void run_for(Duration duration) { timeline_.run_for(duration); }
  bool run_until_idle(Duration limit = std::chrono::hours{1}) { return timeline_.run_until_idle(limit); }
  bool run_until(Function<bool()> predicate, Duration limit = std::chrono::hours{1}) {
    return timeline_.run_until(std::move(predicate), limit);
  }

 private:
  std::unique_ptr<Timeline> own_timeline_;  ///< null where the timeline is shared
  Timeline& timeline_;
  std::mt19937_64 random_;
  DriftingClock clock_;
  std::chrono::milliseconds wall_offset_{0};
  bool crashed_ = false;
};

}  // namespace dht::testing
