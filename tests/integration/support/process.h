// A child process under test: started with its output in a file, signalled,
// waited for, and never left behind.
//
// Thread rule: one thread at a time. The process also dies with the thread that
// started it, so that a test that crashes leaves nothing running: start
// processes from the main thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace dht::integration {

class Process {
 public:
  /// Runs `arguments[0]` with standard output and error appended to the file.
  /// Throws std::system_error where it cannot.
  Process(const std::vector<std::string>& arguments, const std::string& output_file);
  /// Kills what still runs.
  ~Process();
  Process(Process&& other) noexcept;
  /// Kills what still runs of the one that is given up.
  Process& operator=(Process&& other) noexcept;

  pid_t pid() const { return pid_; }
  bool running();
  /// Does nothing to a process that has ended.
  void signal(int number);
  /// The exit code, or 128 + the signal that ended it; empty where it still
  /// runs after that time.
  std::optional<int> wait(std::chrono::milliseconds patience);
  /// From now on it may have this many files open, those that it has included.
  void limit_open_files(std::size_t count);
  std::size_t open_files() const;
  /// Processor time that it has taken so far, in user and kernel mode.
  double cpu_seconds() const;
  /// The most memory that it ever had resident.
  std::size_t peak_memory_bytes() const;

 private:
  bool reap(bool block);
  void end();

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

}  // namespace dht::integration
