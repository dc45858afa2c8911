// SIGINT, SIGTERM and SIGHUP turned into an exception at the next wait, so that whatever a program has made outside of
// itself (processes, network namespaces) is taken down by its destructors.
//
// Thread rule: made, destroyed and waited with by the main thread.
#pragma once

#include <csignal>
#include <stdexcept>
#include <vector>

#include "support/deadline.h"

namespace dht::integration {

struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted by a signal") {}
};

/// While it lives, these signals do nothing but be noted.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  std::vector<struct sigaction> former_;
};

/// Throws Interrupted where a signal has come.
void throw_if_interrupted();
/// Lets time go by: for faults that last, never to wait for something. Throws Interrupted.
void let_pass(SteadyClock::duration time);

}  // namespace dht::integration
