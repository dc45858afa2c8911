#include <algorithm>
#include <iterator>
#include <utility>

#include <dht/testing/timeline.h>

#include "base/assert.h"

namespace dht::testing {

namespace {

/// Marks the time in which a task runs, also where it ends by an exception (a failed requirement of a test).
class Running {
 public:
  explicit Running(bool& flag) noexcept : flag_(flag) { flag_ = true; }
  ~Running() { flag_ = false; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  bool& flag_;
};

}  // namespace

bool Timeline::run_one() {
  DHT_ASSERT(!running_);
  if (tasks_.empty()) return false;
  auto next = tasks_.extract(tasks_.begin());
  now_ = std::max(now_, next.key().due);  // what was held back is late
  const Running running(running_);
  next.mapped().run();
  return true;
}

void Timeline::run_for(Duration duration) {
  DHT_ASSERT(!running_);
  const Instant end = now_ + duration;
  while (next_is_due_by(end))
    run_one();
  now_ = end;
}

bool Timeline::run_until_idle(Duration limit) {
  return run_until([this] { return is_idle(); }, limit);
}

bool Timeline::run_until(Function<bool()> predicate, Duration limit) {
  DHT_ASSERT(!running_);
  const Instant end = now_ + limit;
  while (!predicate()) {
    if (!next_is_due_by(end)) {
      now_ = end;
      return predicate();
    }
    run_one();
  }
  return true;
}

Timeline::TaskId Timeline::add(const void* owner, Instant due, Function<void()> task) {
  const TaskId id{std::max(due, now_), ++made_};
  const auto paused = paused_.find(owner);
  Tasks& tasks = paused == paused_.end() ? tasks_ : paused->second;
  tasks.emplace(id, Task{owner, std::move(task)});
  return id;
}

// What a task holds may itself hold timers of this timeline, so tasks are taken out before they are destroyed.

void Timeline::remove(TaskId id) {
  auto removed = tasks_.extract(id);
  for (auto it = paused_.begin(); !removed && it != paused_.end(); ++it)
    removed = it->second.extract(id);
}

void Timeline::remove_all(const void* owner) {
  pause(owner);
  const auto removed = paused_.extract(owner);
}

void Timeline::pause(const void* owner) {
  Tasks& held = paused_[owner];
  for (auto it = tasks_.begin(); it != tasks_.end();) {
    const auto next = std::next(it);
    if (it->second.owner == owner) held.insert(held.end(), tasks_.extract(it));
    it = next;
  }
}

void Timeline::resume(const void* owner) {
  const auto held = paused_.extract(owner);
  if (held) tasks_.merge(held.mapped());
}

}  // namespace dht::testing
