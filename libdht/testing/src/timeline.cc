#include <utility>
#include <vector>

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
  DHT_ASSERT(next.key().due >= now_);
  now_ = next.key().due;
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
  const TaskId id{due < now_ ? now_ : due, ++made_};
  tasks_.emplace(id, Task{owner, std::move(task)});
  return id;
}

// What a task holds may itself hold timers of this timeline, so tasks are taken out before they are destroyed.

void Timeline::remove(TaskId id) { const auto removed = tasks_.extract(id); }

void Timeline::remove_all(const void* owner) {
  std::vector<Task> removed;
  for (auto it = tasks_.begin(); it != tasks_.end();) {
    if (it->second.owner == owner) {
      removed.push_back(std::move(it->second));
      it = tasks_.erase(it);
    } else {
      ++it;
    }
  }
}

}  // namespace dht::testing
