// LateCalls: answers of a storage that come a while after the calls. Those that have not come end with this object.
//
// Thread rule: that of the scheduler.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include <dht/function.h>
#include <dht/scheduler.h>

namespace dht::testing {

class LateCalls {
 public:
  explicit LateCalls(Scheduler& scheduler) noexcept : scheduler_(scheduler) {}

  /// Between the two.
  Duration draw(Duration least, Duration most) {
    const auto limit = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + Duration(static_cast<Duration::rep>(scheduler_.random() % limit));
  }
  /// `answer` may end this object.
  void answer_after(Duration time, Function<void()> answer) {
    const std::uint64_t call = ++last_call_;
    under_way_[call] = scheduler_.call_later(time, [this, call, answer = std::move(answer)]() mutable {
      const auto timer = under_way_.extract(call);
      answer();
    });
  }

 private:
  Scheduler& scheduler_;
  std::uint64_t last_call_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Scheduler::Timer>> under_way_;
};

}  // namespace dht::testing
