#include "replay.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sim {
namespace {

ExitCode run(const Options& options) {
  const auto print = [](std::string_view line) { fmt::print("{}\n", line); };
  const auto report = dht::testing::simulate({.seed = options.seed, .faults = options.faults, .trace = print});
  fmt::print("{} operations, {:.3f} virtual seconds, fingerprint {:016x}\n", report.operations,
             std::chrono::duration<double>(report.virtual_time).count(), report.fingerprint);
  if (report.ending == dht::testing::Ending::clean) {
    fmt::print("seed {}: clean\n", options.seed);
  } else {
    fmt::print("seed {}: {} ({}): {}\n{}", options.seed,
               report.ending == dht::testing::Ending::stall ? "stall" : "wrong answer", report.property, report.reason,
               report.detail);
  }
  std::fflush(stdout);
  return exit_code_of(report.ending);
}

}  // namespace

ExitCode replay(const Options& options) {
  const pid_t pid = fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid == 0) {
    // So that an assertion's words stand behind what led to them.
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    _exit(run(options));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status)) return static_cast<ExitCode>(WEXITSTATUS(status));
  fmt::print("seed {}: crash ({})\n", options.seed, strsignal(WTERMSIG(status)));
  return kCrash;
}

}  // namespace sim
