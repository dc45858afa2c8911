// Whether something breaks an assertion: it is tried in a child process, since DHT_ASSERT ends the process.
#pragma once

#include <csignal>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

namespace dht::testing {

template <typename Body>
bool aborts(Body body) {
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    // Neither the sentence of the assertion nor what the parent had buffered is to be printed.
    ::close(STDOUT_FILENO);
    ::close(STDERR_FILENO);
    // The test runner's own handler would report the abort as a crash of the tests.
    std::signal(SIGABRT, SIG_DFL);
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

}  // namespace dht::testing
