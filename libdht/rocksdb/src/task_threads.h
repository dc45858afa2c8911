// TaskThreads: some threads that run tasks in the order in which they come.
//
// Thread rule: may be used from any thread; destroyed by none of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <dht/function.h>

namespace dht::rocks {

class TaskThreads {
 public:
  explicit TaskThreads(unsigned threads);
  /// Waits for the tasks that run; those that still wait are destroyed.
  ~TaskThreads();
  TaskThreads(const TaskThreads&) = delete;
  TaskThreads& operator=(const TaskThreads&) = delete;

  void submit(Function<void()> task);
  /// For a task that has to wait: gives false, at once, where the threads are to end.
  bool pause(std::chrono::milliseconds time);

 private:
  void run();
  void stop() noexcept;

  std::mutex mutex_;
  std::condition_variable submitted_;
  std::condition_variable stopped_;
  std::deque<Function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dht::rocks
