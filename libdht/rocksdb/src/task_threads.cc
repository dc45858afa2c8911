#include "task_threads.h"

#include <utility>

namespace dht::rocks {

TaskThreads::TaskThreads(unsigned threads) {
  try {
    threads_.reserve(threads);
    for (unsigned i = 0; i < threads; ++i)
      threads_.emplace_back([this] { run(); });
  } catch (...) {
    stop();
    throw;
  }
}

TaskThreads::~TaskThreads() { stop(); }

void TaskThreads::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  submitted_.notify_all();
  stopped_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
}

void TaskThreads::submit(Function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  submitted_.notify_one();
}

bool TaskThreads::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, time, [this] { return stopping_; });
}

void TaskThreads::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    submitted_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (stopping_) return;
    Function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

}  // namespace dht::rocks
