#include "node/gated_scheduler.h"

#include <mutex>
#include <utility>

namespace dht::node {

struct GatedScheduler::Gate {
  std::mutex mutex;
  bool open = true;
};

GatedScheduler::GatedScheduler(Scheduler& behind) : behind_(behind), gate_(std::make_shared<Gate>()) {}

GatedScheduler::~GatedScheduler() { close(); }

void GatedScheduler::close() {
  std::lock_guard lock(gate_->mutex);
  gate_->open = false;
}

Function<void()> GatedScheduler::gated(std::shared_ptr<Gate> gate, Function<void()> task) {
  return [gate = std::move(gate), task = std::move(task)]() mutable {
    std::lock_guard lock(gate->mutex);
    if (gate->open) task();
  };
}

void GatedScheduler::post(Function<void()> task) { behind_.post(gated(gate_, std::move(task))); }

std::unique_ptr<Scheduler::Timer> GatedScheduler::call_later(Duration delay, Function<void()> task) {
  return behind_.call_later(delay, gated(gate_, std::move(task)));
}

}  // namespace dht::node
