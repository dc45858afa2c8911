#include "worker.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sim {
namespace {

/// In the new process: what it says, and what an assertion says, goes into the pipe.
[[noreturn]] void run_seeds(Range range, const Simulate& simulate, int pipe) {
  dup2(pipe, STDOUT_FILENO);
  dup2(pipe, STDERR_FILENO);
  for (std::uint64_t seed = range.first; seed < range.end; ++seed) {
    fmt::print("{}\n", to_line(outcome_of(seed, simulate(seed))));
    std::fflush(stdout);
  }
  _exit(0);
}

}  // namespace

Worker::Worker(Range range, const Simulate& simulate) : rest_(range), last_news_(std::chrono::steady_clock::now()) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) {
    close(ends[0]);
    run_seeds(range, simulate, ends[1]);
  }
  close(ends[1]);
  fd_ = ends[0];
}

Worker::~Worker() {
  if (pid_ != 0) {
    kill(pid_, SIGKILL);
    reap();
  }
  close(fd_);
}

std::vector<Outcome> Worker::read() {
  std::vector<Outcome> outcomes;
  std::array<char, 4096> buffer;
  const ssize_t size = ::read(fd_, buffer.data(), buffer.size());
  if (size > 0) {
    text_.append(buffer.data(), static_cast<std::size_t>(size));
    for (std::size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      take_line(text_.substr(0, end), outcomes);
      text_.erase(0, end + 1);
    }
  } else if (size == 0 || errno != EINTR) {
    done_ = true;
    const std::string how = reap();
    if (!rest_.empty()) outcomes.push_back(crashed(how));
  }
  return outcomes;
}

void Worker::take_line(const std::string& line, std::vector<Outcome>& outcomes) {
  auto outcome = from_line(line);
  if (!outcome) {
    if (!line.empty()) last_words_ = line;
    return;
  }
  rest_.first = outcome->seed + 1;
  last_news_ = std::chrono::steady_clock::now();
  outcomes.push_back(std::move(*outcome));
}

Outcome Worker::crashed(const std::string& how) {
  Outcome outcome{.seed = rest_.first++, .code = kCrash};
  outcome.reason = fmt::format("crash: {}", last_words_.empty() ? how : last_words_);
  return outcome;
}

Outcome Worker::give_up() {
  kill(pid_, SIGKILL);
  reap();
  done_ = true;
  Outcome outcome{.seed = rest_.first++, .code = kStall};
  outcome.reason = "hang: the process has been busy with this seed for too long";
  return outcome;
}

std::string Worker::reap() {
  int status = 0;
  waitpid(std::exchange(pid_, 0), &status, 0);
  if (WIFSIGNALED(status)) return fmt::format("ended by {}", strsignal(WTERMSIG(status)));
  return WEXITSTATUS(status) == 0 ? "" : fmt::format("exit code {}", WEXITSTATUS(status));
}

}  // namespace sim
