#include "replica/turns.h"

namespace dht::replica {

void Turns::wait(std::string_view key, Task task) {
  DHT_ASSERT(!is_free(key));
  if (occupied_ || !gate_.empty()) {
    gate_.push_back({std::string(key), std::move(task)});
  } else {
    keys_.find(key)->second.waiting.push_back(std::move(task));
  }
}

void Turns::wait_alone(Task task, Effects& effects) {
  gate_.push_back({std::nullopt, std::move(task)});
  run(effects);
}

void Turns::occupy(std::string_view key) {
  DHT_ASSERT(!occupied_);
  auto found = keys_.find(key);
  if (found == keys_.end()) found = keys_.emplace(key, KeyState{}).first;
  DHT_ASSERT(!found->second.occupied);
  found->second.occupied = true;
}

void Turns::occupy_all() {
  DHT_ASSERT(!occupied_ && keys_.empty());
  occupied_ = true;
}

void Turns::run(Effects& effects) {
  if (running_) return;
  running_ = true;
  for (;;) {
    if (!ready_.empty()) {
      Queue& queue = *ready_.front();
      ready_.pop_front();
      run_one_of(queue, effects);
    } else if (!open_gate(effects)) {
      break;
    }
  }
  running_ = false;
}

void Turns::run_one_of(Queue& queue, Effects& effects) {
  Task task = std::move(queue.second.waiting.front());
  queue.second.waiting.pop_front();
  task(effects);
  pass_on(queue);
}

void Turns::pass_on(Queue& queue) {
  if (queue.second.occupied) return;
  if (queue.second.waiting.empty()) {
    keys_.erase(keys_.find(queue.first));
  } else {
    ready_.push_back(&queue);
  }
}

/// Lets the first at the gate in, if it may. Called only when no key has a task that is ready.
bool Turns::open_gate(Effects& effects) {
  if (gate_.empty() || occupied_) return false;
  if (!gate_.front().key && !keys_.empty()) return false;
  Gated first = std::move(gate_.front());
  gate_.pop_front();
  if (!first.key) {
    first.task(effects);
    return true;
  }
  Queue& queue = *keys_.try_emplace(*std::move(first.key)).first;
  queue.second.waiting.push_back(std::move(first.task));
  if (!queue.second.occupied && queue.second.waiting.size() == 1) ready_.push_back(&queue);
  return true;
}

}  // namespace dht::replica
