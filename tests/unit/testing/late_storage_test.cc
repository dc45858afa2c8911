#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/late_storage.h>
#include <dht/testing/manual_scheduler.h>

namespace {

using namespace std::chrono_literals;
using namespace dht;
using testing::LateStorage;
using testing::ManualScheduler;

/// How long each of many calls took, in the order of the calls.
std::vector<Duration> times_of_calls(ManualScheduler& scheduler, LateStorage& storage) {
  const auto partition = storage.open(ClusterId{1}, 0);
  std::vector<Duration> times(200);
  for (Duration& time : times) {
    const Instant called = scheduler.now();
    const auto inline_answer =
        partition->get("k", [&scheduler, &time, called](StorageRead) { time = scheduler.now() - called; });
    CHECK_FALSE(inline_answer);
  }
  scheduler.run_until_idle();
  return times;
}

TEST_CASE("a call takes its delay or up to twice that") {
  ManualScheduler scheduler;
  LateStorage storage(scheduler, 2ms);
  const auto times = times_of_calls(scheduler, storage);
  CHECK(*std::min_element(times.begin(), times.end()) >= 2ms);
  CHECK(*std::max_element(times.begin(), times.end()) <= 4ms);
}

TEST_CASE("with a wide range some calls take much longer than others") {
  ManualScheduler scheduler;
  LateStorage storage(scheduler, 100us, 10ms);
  const auto times = times_of_calls(scheduler, storage);
  CHECK(*std::min_element(times.begin(), times.end()) >= 100us);
  CHECK(*std::min_element(times.begin(), times.end()) < 1ms);
  CHECK(*std::max_element(times.begin(), times.end()) > 9ms);
  CHECK(*std::max_element(times.begin(), times.end()) <= 10ms);
}

TEST_CASE("what is written takes effect when the call is made, and is answered later") {
  ManualScheduler scheduler;
  LateStorage storage(scheduler, 1ms);
  const auto partition = storage.open(ClusterId{1}, 0);
  const StorageChange change{.kind = StorageChange::Kind::put, .key = "k", .value = "v", .version = 1};
  std::string order;
  CHECK_FALSE(partition->apply({&change, 1}, {}, [&](StorageWritten) { order += "written "; }));
  CHECK_FALSE(partition->get("k", [&](StorageRead read) { order += read.entry->value.view(); }));
  CHECK(order.empty());
  scheduler.run_until_idle();
  CHECK((order == "written v" || order == "vwritten "));
}

}  // namespace
