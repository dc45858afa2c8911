#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include <asio/defer.hpp>
#include <asio/steady_timer.hpp>
#include <sys/random.h>
#include <time.h>

#include <dht/asio.h>

#include "base/assert.h"

namespace dht {
namespace {

/// Tasks run in a row before the io_context gets its turn.
constexpr int kBatch = 64;

#if defined(CLOCK_BOOTTIME)
constexpr clockid_t kClock = CLOCK_BOOTTIME;
#else
constexpr clockid_t kClock = CLOCK_MONOTONIC;  // macOS: counts suspension already
#endif

Instant read_clock() {
  timespec time{};
  DHT_ASSERT(clock_gettime(kClock, &time) == 0);
  return {std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)};
}

}  // namespace

/// All that is still to run, under one mutex: so that destroying the scheduler destroys the tasks at once, wherever the
/// io_context stands. In the io_context there is at most one drain of the ready tasks, and one timer for the next
/// alarm.
class AsioScheduler::Core : public std::enable_shared_from_this<Core> {
 public:
  struct Alarm;
  using Alarms = std::multimap<Instant, std::shared_ptr<Alarm>>;
  struct Alarm {
    Function<void()> task;                  ///< empty once it is cancelled or has begun
    std::optional<Alarms::iterator> place;  ///< while it is not due
  };

  explicit Core(asio::io_context& loop) : loop_(loop), timer_(std::in_place, loop) {}

  void post(Function<void()> task) {
    std::unique_lock lock(mutex_);
    if (stopped_) {
      lock.unlock();  // the task is destroyed without the lock: its destructor may come back here
      return;
    }
    ready_.push_back(std::move(task));
    if (std::exchange(draining_, true)) return;
    // Without the lock, for which the thread that this wakes would only wait. `stop` waits for this.
    ++waking_;
    lock.unlock();
    defer_drain();
    --waking_;
  }

  std::shared_ptr<Alarm> add_alarm(Instant at, Function<void()> task) {
    auto alarm = std::make_shared<Alarm>();
    alarm->task = std::move(task);
    std::lock_guard lock(mutex_);
    if (stopped_) return alarm;
    alarm->place = alarms_.emplace(at, alarm);
    if (!draining_) arm_timer();
    return alarm;
  }

  void cancel(Alarm& alarm) {
    Function<void()> doomed;
    std::lock_guard lock(mutex_);
    if (alarm.place) alarms_.erase(*std::exchange(alarm.place, std::nullopt));
    std::swap(doomed, alarm.task);
  }

  void stop() {
    std::deque<Function<void()>> doomed;
    std::unique_lock lock(mutex_);
    stopped_ = true;
    doomed.swap(ready_);
    for (auto& [at, alarm] : alarms_) {
      doomed.push_back(std::move(alarm->task));
      alarm->place.reset();
    }
    alarms_.clear();
    timer_.reset();
    while (waking_ > 0)
      std::this_thread::yield();
    idle_.wait(lock, [this] { return !running_ || running_ == std::this_thread::get_id(); });
    lock.unlock();
  }

 private:
  void schedule_drain() {
    if (!std::exchange(draining_, true)) defer_drain();
  }

  void defer_drain() {
    // Deferred: a thread of the loop runs it itself when it is done with what it does, and wakes no other.
    asio::defer(loop_, [self = shared_from_this()] { self->drain(); });
  }

  /// Costs a system call, so whoever has tasks run leaves it to the end of those: they may set earlier alarms.
  void arm_timer() {
    if (alarms_.empty()) return;
    const Instant next = alarms_.begin()->first;
    if (armed_for_ && *armed_for_ <= next) return;
    armed_for_ = next;
    timer_->expires_after(std::max(next - read_clock(), Duration::zero()));
    timer_->async_wait([self = shared_from_this()](std::error_code error) {
      if (!error) self->on_timer();
    });
  }

  void on_timer() {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    armed_for_.reset();
    const Instant now = read_clock();
    while (!alarms_.empty() && alarms_.begin()->first <= now) {
      auto alarm = alarms_.begin()->second;
      alarms_.erase(*std::exchange(alarm->place, std::nullopt));
      ready_.push_back([this, alarm] { run(*alarm); });
    }
    ready_.empty() ? arm_timer() : schedule_drain();
  }

  void run(Alarm& alarm) {
    Function<void()> task;
    {
      std::lock_guard lock(mutex_);
      std::swap(task, alarm.task);
    }
    if (task) task();
  }

  void drain() {
    std::unique_lock lock(mutex_);
    for (int left = kBatch; left > 0 && !ready_.empty(); --left) {
      Function<void()> task = std::move(ready_.front());
      ready_.pop_front();
      running_ = std::this_thread::get_id();
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
      running_.reset();
      idle_.notify_all();
    }
    draining_ = false;
    arm_timer();
    if (!ready_.empty()) schedule_drain();
  }

  asio::io_context& loop_;
  std::mutex mutex_;
  std::condition_variable idle_;
  bool stopped_ = false;
  bool draining_ = false;  ///< a drain is under way or in the io_context
  std::optional<std::thread::id> running_;
  std::atomic<int> waking_ = 0;  ///< threads that are about to tell the io_context of tasks
  std::deque<Function<void()>> ready_;
  Alarms alarms_;
  std::optional<Instant> armed_for_;
  std::optional<asio::steady_timer> timer_;  ///< gone when stopped: the io_context may be destroyed before we are
};

namespace {

template <typename Core>
class AsioTimer final : public Scheduler::Timer {
 public:
  AsioTimer(std::shared_ptr<Core> core, std::shared_ptr<typename Core::Alarm> alarm)
      : core_(std::move(core)), alarm_(std::move(alarm)) {}
  ~AsioTimer() override { core_->cancel(*alarm_); }

 private:
  std::shared_ptr<Core> core_;
  std::shared_ptr<typename Core::Alarm> alarm_;
};

}  // namespace

AsioScheduler::AsioScheduler(asio::io_context& loop) : core_(std::make_shared<Core>(loop)) {}
AsioScheduler::~AsioScheduler() { core_->stop(); }

Instant AsioScheduler::now() const { return read_clock(); }

std::uint64_t AsioScheduler::wall_ms() const {
  using std::chrono::milliseconds;
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(since_1970).count());
}

void AsioScheduler::post(Function<void()> task) { core_->post(std::move(task)); }

std::unique_ptr<Scheduler::Timer> AsioScheduler::call_later(Duration delay, Function<void()> task) {
  return std::make_unique<AsioTimer<Core>>(core_, core_->add_alarm(read_clock() + delay, std::move(task)));
}

std::uint64_t AsioScheduler::random() {
  std::uint64_t bits = 0;
  DHT_ASSERT(getentropy(&bits, sizeof bits) == 0);
  return bits;
}

}  // namespace dht
