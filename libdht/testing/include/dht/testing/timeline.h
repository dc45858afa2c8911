// Timeline: virtual time. A queue of tasks that a test runs by hand, in an order that never depends on the machine.
//
// Tasks run in order of their time, and in the order of their making where the time is the same. Each belongs to an
// owner (a ManualScheduler), whose tasks can be dropped together, or held back: that is how a process crashes or
// pauses.
//
// Thread rule: one thread only, tasks included. Timelines of different threads know nothing of each other.
#pragma once

#include <compare>
#include <cstdint>
#include <map>

#include <dht/function.h>
#include <dht/scheduler.h>

namespace dht::testing {

class Timeline {
 public:
  /// Names one task: when it is due, and its place among all that were ever made.
  struct TaskId {
    Instant due;
    std::uint64_t order = 0;

    auto operator<=>(const TaskId&) const = default;
  };

  Timeline() = default;
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  Instant now() const noexcept { return now_; }
  /// Nothing is left that may run.
  bool is_idle() const noexcept { return tasks_.empty(); }

  // Running. None of these may be called from inside a task: a blocking call made there would never be answered on a
  // real machine either.

  /// Runs the next task, after moving the time to it. False where there is none.
  bool run_one();
  /// Runs what falls due within `duration`, and ends exactly that much later.
  void run_for(Duration duration);
  /// Runs until no task is left; false where `limit` passed before, as it does with timers that repeat.
  bool run_until_idle(Duration limit = std::chrono::hours{1});
  /// Runs until `predicate` holds, which is asked at once and after every task; false where `limit` passed before.
  bool run_until(Function<bool()> predicate, Duration limit = std::chrono::hours{1});

  // For schedulers.

  /// A `due` that has passed means now.
  TaskId add(const void* owner, Instant due, Function<void()> task);
  /// Destroys a task that is still to run; no other effect.
  void remove(TaskId id);
  /// Ends a pause as well.
  void remove_all(const void* owner);
  /// Holds back what the owner has and gets to run, until `resume`: then what is overdue runs first, in the order in
  /// which it was due.
  void pause(const void* owner);
  void resume(const void* owner);
  bool is_paused(const void* owner) const { return paused_.contains(owner); }

 private:
  struct Task {
    const void* owner = nullptr;
    Function<void()> run;
  };
  using Tasks = std::map<TaskId, Task>;

  bool next_is_due_by(Instant end) const noexcept { return !tasks_.empty() && tasks_.begin()->first.due <= end; }

  Instant now_;
  std::uint64_t made_ = 0;
  bool running_ = false;
  Tasks tasks_;
  std::map<const void*, Tasks> paused_;  ///< by owner
};

}  // namespace dht::testing
