#include "node/copy_pacer.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/manual_scheduler.h>

namespace dht::node {
namespace {

using std::chrono::microseconds;

/// A scheduler on which work takes time, since whoever works says so.
class BusyScheduler final : public Scheduler {
 public:
  Instant now() const override { return behind.now() + worked; }
  std::uint64_t wall_ms() const override { return behind.wall_ms(); }
  void post(Function<void()> task) override { behind.post(std::move(task)); }
  [[nodiscard]] std::unique_ptr<Timer> call_later(Duration delay, Function<void()> task) override {
    pauses.push_back(delay);
    return behind.call_later(delay, std::move(task));
  }
  std::uint64_t random() override { return behind.random(); }

  testing::ManualScheduler behind;
  Duration worked{0};
  std::vector<Duration> pauses;
};

/// So many chunks wait, each of which takes a while.
struct Copies {
  explicit Copies(Scheduler& strand) : pacer(strand, [this] { return give(); }) {}

  bool give() {
    ++asked;
    if (waiting == 0) return false;
    --waiting;
    if (on_chunk) on_chunk();
    return true;
  }

  int waiting = 0;
  int asked = 0;
  Function<void()> on_chunk;
  CopyPacer pacer;
};

}  // namespace

TEST_CASE("each chunk is followed by a pause of twice the time that it took") {
  BusyScheduler strand;
  Copies copies(strand);
  copies.waiting = 3;
  copies.on_chunk = [&] { strand.worked += microseconds(100 * (3 - copies.waiting)); };
  copies.pacer.wake();
  CHECK(copies.waiting == 3);  // not inside the call
  strand.behind.run_for(std::chrono::seconds(1));
  CHECK(copies.waiting == 0);
  CHECK(strand.pauses == std::vector<Duration>{microseconds(200), microseconds(400), microseconds(600)});
}

TEST_CASE("while nothing waits nothing runs, and a copy that asks goes on at once") {
  BusyScheduler strand;
  Copies copies(strand);
  strand.behind.run_for(std::chrono::seconds(1));
  CHECK(copies.asked == 0);
  for (int round = 0; round < 2; ++round) {
    copies.waiting = 1;
    copies.pacer.wake();
    copies.pacer.wake();
    strand.behind.run_for(std::chrono::seconds(1));
    CHECK(copies.waiting == 0);
    const int asked = copies.asked;
    strand.behind.run_for(std::chrono::seconds(1));
    CHECK(copies.asked == asked);
  }
}

TEST_CASE("a copy that asks while the last chunk is given is not forgotten") {
  BusyScheduler strand;
  Copies copies(strand);
  copies.waiting = 1;
  copies.on_chunk = [&, again = true]() mutable {
    if (!std::exchange(again, false)) return;
    copies.waiting = 1;
    copies.pacer.wake();
  };
  copies.pacer.wake();
  strand.behind.run_for(std::chrono::seconds(1));
  CHECK(copies.waiting == 0);
  CHECK(strand.pauses.size() == 2);
}

}  // namespace dht::node
