#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/manual_scheduler.h>

namespace {

using namespace std::chrono_literals;
using dht::Instant;
using dht::testing::ManualScheduler;
using dht::testing::Timeline;

TEST_CASE("tasks run in order of time, then of their making, with the clock at their time") {
  ManualScheduler scheduler;
  const Instant start = scheduler.now();
  std::string order;
  const auto note = [&](char name, dht::Duration at) {
    return [&, name, at] {
      order += name;
      CHECK(scheduler.now() == start + at);
    };
  };
  const auto late = scheduler.call_later(20ms, note('d', 20ms));
  const auto first = scheduler.call_later(10ms, note('b', 10ms));
  const auto second = scheduler.call_later(10ms, note('c', 10ms));
  scheduler.post(note('a', 0ms));
  CHECK(order.empty());
  CHECK(scheduler.run_until_idle());
  CHECK(order == "abcd");
}

TEST_CASE("what a task posts runs before any later timer") {
  ManualScheduler scheduler;
  std::string order;
  const auto timer = scheduler.call_later(1ns, [&] { order += 't'; });
  scheduler.post([&] {
    order += 'p';
    scheduler.post([&] { order += 'q'; });
  });
  scheduler.run_until_idle();
  CHECK(order == "pqt");
}

TEST_CASE("a destroyed timer does not run, and takes what it held with it") {
  ManualScheduler scheduler;
  auto held = std::make_shared<int>(0);
  auto timer = scheduler.call_later(1ms, [held] { ++*held; });
  CHECK(held.use_count() == 2);
  timer.reset();
  CHECK(held.use_count() == 1);
  CHECK_FALSE(scheduler.run_one());
  CHECK(*held == 0);
}

TEST_CASE("a timer destroyed by an earlier task of the same moment does not run") {
  ManualScheduler scheduler;
  bool ran = false;
  std::unique_ptr<dht::Scheduler::Timer> timer;
  scheduler.post([&] { timer.reset(); });
  timer = scheduler.call_later(0ms, [&] { ran = true; });
  scheduler.run_until_idle();
  CHECK_FALSE(ran);
}

TEST_CASE("a timer may be destroyed by the very task that it runs") {
  ManualScheduler scheduler;
  int runs = 0;
  std::unique_ptr<dht::Scheduler::Timer> timer;
  timer = scheduler.call_later(1ms, [&] {
    ++runs;
    timer = scheduler.call_later(1ms, [&] { ++runs; });
  });
  CHECK(scheduler.run_until_idle());
  CHECK(runs == 2);
}

TEST_CASE("run_for runs what falls due, its end included, and ends exactly then") {
  ManualScheduler scheduler;
  const Instant start = scheduler.now();
  int runs = 0;
  const auto inside = scheduler.call_later(10ms, [&] { ++runs; });
  const auto outside = scheduler.call_later(10ms + 1ns, [&] { ++runs; });
  scheduler.run_for(10ms);
  CHECK(runs == 1);
  CHECK(scheduler.now() == start + 10ms);
}

TEST_CASE("run_until stops at the task that makes the predicate true, or at the limit") {
  ManualScheduler scheduler;
  const Instant start = scheduler.now();
  int runs = 0;
  const auto first = scheduler.call_later(1ms, [&] { ++runs; });
  const auto second = scheduler.call_later(2ms, [&] { ++runs; });
  CHECK(scheduler.run_until([&] { return runs == 1; }));
  CHECK(scheduler.now() == start + 1ms);
  CHECK_FALSE(scheduler.run_until([&] { return runs == 3; }, 5ms));
  CHECK(scheduler.now() == start + 6ms);
}

TEST_CASE("run_until_idle gives a repeating timer up at its limit") {
  ManualScheduler scheduler;
  std::unique_ptr<dht::Scheduler::Timer> timer;
  int beats = 0;
  dht::Function<void()> beat = [&] {
    ++beats;
    timer = scheduler.call_later(100ms, [&] { beat(); });
  };
  scheduler.post([&] { beat(); });
  CHECK_FALSE(scheduler.run_until_idle(1s));
  CHECK(beats == 11);
}

TEST_CASE("schedulers of one timeline share its time and order") {
  Timeline timeline;
  ManualScheduler a(timeline, 1);
  ManualScheduler b(timeline, 2);
  std::string order;
  const auto timer = b.call_later(1ms, [&] { order += 'b'; });
  a.post([&] { order += 'a'; });
  timeline.run_until_idle();
  CHECK(order == "ab");
  CHECK(a.now() == b.now());
}

TEST_CASE("a crashed scheduler runs nothing any more; the others go on") {
  Timeline timeline;
  ManualScheduler dead(timeline, 1);
  ManualScheduler alive(timeline, 2);
  auto held = std::make_shared<int>(0);
  const auto timer = dead.call_later(1ms, [held] { ++*held; });
  dead.post([held] { ++*held; });
  alive.post([held] { *held += 10; });
  dead.crash();
  dead.post([held] { ++*held; });
  const auto after = dead.call_later(1ms, [held] { ++*held; });
  timeline.run_until_idle();
  CHECK(*held == 10);
  CHECK(held.use_count() == 1);
}

TEST_CASE("a task may crash its own scheduler, with timers held by its tasks") {
  Timeline timeline;
  ManualScheduler scheduler(timeline, 1);
  bool ran = false;
  auto inner = scheduler.call_later(2ms, [&] { ran = true; });
  const auto outer = scheduler.call_later(3ms, [&, timer = std::move(inner)] { ran = true; });
  scheduler.post([&] { scheduler.crash(); });
  CHECK(timeline.run_until_idle());
  CHECK_FALSE(ran);
}

TEST_CASE("random numbers come from the seed, a stream for each scheduler") {
  Timeline timeline;
  ManualScheduler a(timeline, 7);
  ManualScheduler same(timeline, 7);
  ManualScheduler different(timeline, 8);
  const auto first = a.random();
  CHECK(first == same.random());
  CHECK(first != different.random());
  CHECK(a.random() == same.random());
}

TEST_CASE("the wall clock starts at a date of its own, moves with time, and can be set apart") {
  Timeline timeline;
  ManualScheduler a(timeline, 1);
  ManualScheduler skewed(timeline, 2);
  skewed.set_wall_offset(-5s);
  timeline.run_for(1500ms);
  CHECK(a.wall_ms() == ManualScheduler::kStartOfWallClock + 1500);
  CHECK(skewed.wall_ms() == a.wall_ms() - 5000);
}

TEST_CASE("an exception of a task reaches the one who runs the time, and time goes on afterwards") {
  ManualScheduler scheduler;
  bool ran = false;
  scheduler.post([] { throw std::runtime_error("failed requirement"); });
  scheduler.post([&] { ran = true; });
  CHECK_THROWS_AS(scheduler.run_until_idle(), std::runtime_error);
  CHECK(scheduler.run_until_idle());
  CHECK(ran);
}

}  // namespace
