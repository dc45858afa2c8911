#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <dht/asio.h>

namespace dht {
namespace {

using namespace std::chrono_literals;

TEST_CASE("tasks run in order, and never inside the call that passed them") {
  asio::io_context loop;
  AsioScheduler scheduler(loop);
  std::vector<int> ran;
  scheduler.post([&] {
    scheduler.post([&] { ran.push_back(3); });
    ran.push_back(1);
  });
  scheduler.post([&] { ran.push_back(2); });
  CHECK(ran.empty());
  loop.run();
  CHECK(ran == std::vector{1, 2, 3});
}

TEST_CASE("many tasks in a row leave the io_context its turn") {
  asio::io_context loop;
  AsioScheduler scheduler(loop);
  int ran = 0;
  int ran_before_other = -1;
  for (int at = 0; at < 1000; ++at)
    scheduler.post([&] { ++ran; });
  asio::post(loop, [&] { ran_before_other = ran; });
  loop.run();
  CHECK(ran == 1000);
  CHECK(ran_before_other < 1000);
}

TEST_CASE("timers run once, in the order of their instants, not before their time") {
  asio::io_context loop;
  AsioScheduler scheduler(loop);
  std::vector<int> ran;
  Instant start;
  Instant first_ran;
  Duration setting;
  do {  // again where this thread was held up between the calls, so that their instants are not in order
    ran.clear();
    start = scheduler.now();
    const auto late = scheduler.call_later(8ms, [&] { ran.push_back(2); });
    const auto early = scheduler.call_later(2ms, [&] {
      ran.push_back(1);
      first_ran = scheduler.now();
    });
    const auto now = scheduler.call_later(0ms, [&] { ran.push_back(0); });
    setting = scheduler.now() - start;
    CHECK(ran.empty());
    loop.restart();
    loop.run();
  } while (setting > 1ms);
  CHECK(ran == std::vector{0, 1, 2});
  CHECK(first_ran - start >= 2ms);
}

TEST_CASE("a destroyed timer does not run, and lets go of its task at once") {
  asio::io_context loop;
  AsioScheduler scheduler(loop);
  const auto held = std::make_shared<int>(1);
  bool ran = false;
  auto timer = scheduler.call_later(0ms, [&ran, held] { ran = true; });
  CHECK(held.use_count() == 2);
  timer.reset();
  CHECK(held.use_count() == 1);
  loop.run();
  CHECK_FALSE(ran);
}

TEST_CASE("a task cancels a timer that is due already") {
  asio::io_context loop;
  AsioScheduler scheduler(loop);
  bool ran = false;
  std::unique_ptr<Scheduler::Timer> second;
  const auto first = scheduler.call_later(0ms, [&] { second.reset(); });
  second = scheduler.call_later(0ms, [&] { ran = true; });
  loop.run();
  CHECK_FALSE(ran);
}

TEST_CASE("a timer may destroy itself from inside its task") {
  asio::io_context loop;
  AsioScheduler scheduler(loop);
  int ran = 0;
  std::unique_ptr<Scheduler::Timer> timer;
  timer = scheduler.call_later(0ms, [&] {
    timer.reset();
    ++ran;
  });
  loop.run();
  CHECK(ran == 1);
}

TEST_CASE("what waits in a destroyed scheduler is destroyed at once and never runs") {
  asio::io_context loop;
  auto scheduler = std::make_unique<AsioScheduler>(loop);
  const auto held = std::make_shared<int>(1);
  bool ran = false;
  scheduler->post([&ran, held] { ran = true; });
  const auto timer = scheduler->call_later(0ms, [&ran, held] { ran = true; });
  scheduler.reset();
  CHECK(held.use_count() == 1);
  loop.run();
  CHECK_FALSE(ran);
}

TEST_CASE("a scheduler may be destroyed by its own task") {
  asio::io_context loop;
  auto scheduler = std::make_unique<AsioScheduler>(loop);
  bool ran = false;
  scheduler->post([&] {
    scheduler->post([&] { ran = true; });
    scheduler.reset();
  });
  loop.run();
  CHECK_FALSE(ran);
}

TEST_CASE("timers may outlive their scheduler and the io_context") {
  std::unique_ptr<Scheduler::Timer> timer;
  {
    asio::io_context loop;
    AsioScheduler scheduler(loop);
    timer = scheduler.call_later(1h, [] {});
    loop.poll();
  }
  timer.reset();
}

TEST_CASE("on several threads tasks still run one at a time, and destruction waits for the one that runs") {
  asio::io_context loop;
  auto scheduler = std::make_unique<AsioScheduler>(loop);
  std::atomic<bool> inside = false;
  std::atomic<bool> overlap = false;
  std::atomic<bool> destroyed = false;
  std::atomic<bool> ran_after = false;
  std::atomic<int> ran = 0;
  const auto task = [&] {
    if (inside.exchange(true)) overlap = true;
    if (destroyed) ran_after = true;
    ++ran;
    inside = false;
  };
  std::vector<std::thread> threads;
  auto guard = std::make_unique<asio::executor_work_guard<asio::io_context::executor_type>>(loop.get_executor());
  for (int at = 0; at < 2; ++at)
    threads.emplace_back([&] { loop.run(); });
  std::vector<std::unique_ptr<Scheduler::Timer>> timers;
  for (int at = 0; at < 2000; ++at) {
    scheduler->post(task);
    timers.push_back(scheduler->call_later(std::chrono::microseconds(at), task));
    if (at % 3 == 0) timers.erase(timers.begin());
  }
  while (ran < 2000)
    std::this_thread::yield();
  scheduler.reset();
  destroyed = true;
  CHECK_FALSE(inside);
  guard.reset();
  for (std::thread& thread : threads)
    thread.join();
  CHECK_FALSE(overlap);
  CHECK_FALSE(ran_after);
}

TEST_CASE("the clocks and the random numbers are the system's") {
  asio::io_context loop;
  AsioScheduler scheduler(loop);
  const Instant before = scheduler.now();
  CHECK(scheduler.now() >= before);
  CHECK(scheduler.wall_ms() > 1'600'000'000'000);  // later than 2020
  std::set<std::uint64_t> seen;
  for (int at = 0; at < 100; ++at)
    seen.insert(scheduler.random());
  CHECK(seen.size() == 100);
}

}  // namespace
}  // namespace dht
