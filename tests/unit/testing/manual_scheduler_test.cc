#include <array>
#include <string>

#include <doctest/doctest.h>

#include <dht/testing/manual_scheduler.h>

namespace {

using namespace std::chrono_literals;
using dht::Instant;
using dht::testing::ManualScheduler;
using dht::testing::Timeline;

TEST_CASE("a process's clock is its own: offset and rate change neither true time nor the wall clock") {
  Timeline timeline;
  ManualScheduler process(timeline, 1, 1h);
  process.set_clock_rate(100'000);
  timeline.run_for(10s);
  CHECK(process.now() == Instant{1h + 11s});
  CHECK(timeline.now() == Instant{10s});
  CHECK(process.wall_ms() == ManualScheduler::kStartOfWallClock + 10'000);
}

TEST_CASE("a timer runs when the process's own clock has gone on by its delay") {
  Timeline timeline;
  ManualScheduler fast(timeline, 1, 5h);
  ManualScheduler exact(timeline, 2);
  ManualScheduler slow(timeline, 3, 7h);
  fast.set_clock_rate(100'000);
  slow.set_clock_rate(-100'000);
  std::string order;
  const auto note = [&](char name, ManualScheduler& process) {
    return process.call_later(990ms, [&, name, end = process.now() + 990ms] {
      order += name;
      CHECK(process.now() >= end);
      CHECK(process.now() <= end + 1ns);
    });
  };
  const std::array timers = {note('s', slow), note('e', exact), note('f', fast)};
  timeline.run_for(900ms);
  CHECK(order == "f");
  timeline.run_for(199ms);
  CHECK(order == "fe");
  timeline.run_for(1ms);
  CHECK(order == "fes");
}

TEST_CASE("a timer that is set keeps its moment when the rate changes") {
  Timeline timeline;
  ManualScheduler process(timeline, 1);
  bool ran = false;
  const auto timer = process.call_later(1s, [&] { ran = true; });
  process.set_clock_rate(-100'000);
  timeline.run_for(1s - 1ns);
  CHECK_FALSE(ran);
  timeline.run_for(1ns);
  CHECK(ran);
}

struct Paused {
  Timeline timeline;
  ManualScheduler process{timeline, 1};
  ManualScheduler other{timeline, 2};
  std::string order;

  auto note(char name) {
    return [this, name] { order += name; };
  }
};

TEST_CASE_FIXTURE(Paused, "nothing of a paused process runs, and its clock goes on") {
  process.post(note('a'));
  const auto timer = process.call_later(1ms, note('b'));
  other.post(note('o'));
  process.pause();
  process.post(note('c'));
  CHECK(process.is_paused());
  timeline.run_for(10ms);
  CHECK(order == "o");
  CHECK(process.now() == other.now());
}

TEST_CASE_FIXTURE(Paused,
                  "after the pause everything overdue runs in order of its time, then the rest when it is due") {
  const auto third = process.call_later(3ms, note('3'));
  const auto first = process.call_later(1ms, note('1'));
  const auto late = process.call_later(20ms, note('l'));
  process.pause();
  timeline.run_for(2ms);
  process.post(note('2'));
  timeline.run_for(8ms);
  other.post(note('o'));
  process.resume();
  CHECK_FALSE(process.is_paused());
  CHECK(order.empty());
  timeline.run_for(0ms);
  CHECK(order == "123o");
  CHECK(timeline.now() == Instant{10ms});
  timeline.run_for(10ms);
  CHECK(order == "123ol");
}

TEST_CASE_FIXTURE(Paused, "a timer destroyed during the pause does not run after it") {
  auto timer = process.call_later(1ms, note('x'));
  process.pause();
  auto another = process.call_later(1ms, note('y'));
  timer.reset();
  another.reset();
  process.resume();
  CHECK_FALSE(timeline.run_one());
  CHECK(order.empty());
}

TEST_CASE_FIXTURE(Paused, "a paused process may crash, and a process pause itself") {
  process.post([this] {
    process.pause();
    order += 'p';
  });
  process.post(note('a'));
  timeline.run_until_idle();
  CHECK(order == "p");
  process.crash();
  CHECK_FALSE(process.is_paused());
  process.resume();
  timeline.run_until_idle();
  CHECK(order == "p");
}

}  // namespace
