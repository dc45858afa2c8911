// Worker: a process that runs seeds one after the other, so that an assertion that fails in one ends that process alone
// and is known to be that seed's.
//
// Thread rule: one object, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "outcome.h"

namespace sim {

/// Seeds `first` to `end - 1`.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t end = 0;

  bool empty() const noexcept { return first == end; }
};

using Simulate = std::function<dht::testing::SimulationReport(std::uint64_t seed)>;

class Worker {
 public:
  /// Starts the process. Throws std::system_error where that cannot be done.
  Worker(Range range, const Simulate& simulate);
  /// Ends the process.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Readable where the process has something to tell.
  int fd() const noexcept { return fd_; }
  /// Reads what is there. What became of the seeds that ended meanwhile; the one at which the process crashed is among
  /// them.
  std::vector<Outcome> read();
  /// For as long a single seed has been running.
  std::chrono::steady_clock::duration age() const { return std::chrono::steady_clock::now() - last_news_; }
  /// The process hangs in its seed: ends it.
  Outcome give_up();

  bool is_done() const noexcept { return done_; }
  /// What is left to run when it is done.
  Range rest() const noexcept { return rest_; }

 private:
  void take_line(const std::string& line, std::vector<Outcome>& outcomes);
  Outcome crashed(const std::string& how);
  /// Waits for the end of the process; how it ended, empty where it ended well.
  std::string reap();

  Range rest_;
  pid_t pid_ = 0;
  int fd_ = -1;
  std::string text_;        ///< read, up to the next line feed
  std::string last_words_;  ///< what the process said that is no outcome
  std::chrono::steady_clock::time_point last_news_;
  bool done_ = false;
};

}  // namespace sim
