#include "support/interrupt.h"

#include <algorithm>
#include <array>

namespace dht::integration {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t noted = 0;

void note(int) { noted = 1; }

}  // namespace

InterruptGuard::InterruptGuard() : former_(kSignals.size()) {
  noted = 0;
  struct sigaction action {};
  action.sa_handler = note;
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    sigaction(kSignals[i], &action, &former_[i]);
}

InterruptGuard::~InterruptGuard() {
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    sigaction(kSignals[i], &former_[i], nullptr);
}

void throw_if_interrupted() {
  if (noted != 0) throw Interrupted();
}

void let_pass(SteadyClock::duration time) {
  const auto end = SteadyClock::now() + time;
  for (auto now = SteadyClock::now(); now < end; now = SteadyClock::now()) {
    throw_if_interrupted();
    std::this_thread::sleep_for(std::min<SteadyClock::duration>(end - now, 20ms));
  }
  throw_if_interrupted();
}

}  // namespace dht::integration
