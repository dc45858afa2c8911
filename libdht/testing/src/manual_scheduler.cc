#include <utility>

#include <dht/testing/manual_scheduler.h>

namespace dht::testing {

namespace {

class ManualTimer final : public Scheduler::Timer {
 public:
  ManualTimer(Timeline& timeline, Timeline::TaskId task) noexcept : timeline_(timeline), task_(task) {}
  ~ManualTimer() override { timeline_.remove(task_); }
  ManualTimer(const ManualTimer&) = delete;
  ManualTimer& operator=(const ManualTimer&) = delete;

 private:
  Timeline& timeline_;
  Timeline::TaskId task_;
};

/// What a crashed process gets, so that its code may hold a timer like any other.
class DeadTimer final : public Scheduler::Timer {};

}  // namespace

ManualScheduler::ManualScheduler(std::uint64_t seed)
    : own_timeline_(std::make_unique<Timeline>()), timeline_(*own_timeline_), random_(seed) {}

ManualScheduler::ManualScheduler(Timeline& timeline, std::uint64_t seed, Duration clock_offset)
    : timeline_(timeline), random_(seed), clock_(clock_offset) {}

ManualScheduler::~ManualScheduler() { crash(); }

std::uint64_t ManualScheduler::wall_ms() const {
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(timeline_.now().since_start) + wall_offset_;
  return kStartOfWallClock + static_cast<std::uint64_t>(passed.count());
}

void ManualScheduler::post(Function<void()> task) {
  if (!crashed_) timeline_.add(this, timeline_.now(), std::move(task));
}

std::unique_ptr<Scheduler::Timer> ManualScheduler::call_later(Duration delay, Function<void()> task) {
  if (crashed_) return std::make_unique<DeadTimer>();
  const Instant due = clock_.moment_of(now() + delay);
  return std::make_unique<ManualTimer>(timeline_, timeline_.add(this, due, std::move(task)));
}

void ManualScheduler::crash() {
  crashed_ = true;
  timeline_.remove_all(this);
}

}  // namespace dht::testing
