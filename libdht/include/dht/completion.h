// Completion: a one-shot event that one thread waits for and another signals. What blocking calls are made of.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include <condition_variable>
#include <mutex>

namespace dht {

class Completion {
 public:
  /// The waiter may destroy the object as soon as it has seen the event, so the signal is given under the lock.
  void signal() {
    std::lock_guard lock(mutex_);
    done_ = true;
    signalled_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    signalled_.wait(lock, [this] { return done_; });
  }
  bool is_done() const {
    std::lock_guard lock(mutex_);
    return done_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable signalled_;
  bool done_ = false;
};

}  // namespace dht
