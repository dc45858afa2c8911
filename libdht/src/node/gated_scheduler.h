// GatedScheduler: a Scheduler whose tasks can be ended for good while the scheduler behind it runs on. So a node on the
// program's own loop can be destroyed at any moment: once `close()` has returned, none of its tasks runs or will run.
//
// Thread rule: as Scheduler. `close()` waits for a task that is running, so it must not be called from one.
#pragma once

#include <memory>

#include <dht/scheduler.h>

namespace dht::node {

class GatedScheduler final : public Scheduler {
 public:
  explicit GatedScheduler(Scheduler& behind);
  ~GatedScheduler() override;

  void close();

  Instant now() const override { return behind_.now(); }
  std::uint64_t wall_ms() const override { return behind_.wall_ms(); }
  void post(Function<void()> task) override;
  [[nodiscard]] std::unique_ptr<Timer> call_later(Duration delay, Function<void()> task) override;
  std::uint64_t random() override { return behind_.random(); }

 private:
  struct Gate;
  static Function<void()> gated(std::shared_ptr<Gate> gate, Function<void()> task);

  Scheduler& behind_;
  std::shared_ptr<Gate> gate_;  ///< shared with the tasks that wait behind
};

}  // namespace dht::node
