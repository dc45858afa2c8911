// Patience: when to give up on a connection that makes no progress. Pure arithmetic on sweeps of a coarse timer, so
// that the data path reads no clock and keeps no timer per connection.
//
// Thread rule: none of its own; belongs to one connection.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "http/session.h"

namespace dhtd::http {

struct Timeouts {
  std::chrono::milliseconds idle{60'000};    ///< between requests, and for a body or a reader that makes no progress
  std::chrono::milliseconds header{10'000};  ///< for a request's head to arrive whole
  std::chrono::milliseconds linger{2'000};   ///< for a client to take the last answer and close

  /// How often connections are looked at: a time-out is exact to a quarter.
  std::chrono::milliseconds sweep_period() const noexcept {
    return std::clamp(std::min({idle, header, linger}) / 4, std::chrono::milliseconds(1),
                      std::chrono::milliseconds(1000));
  }
};

class Patience {
 public:
  /// To be called at every sweep. True once the phase has lasted longer than its time-out without progress.
  bool exhausted(Session::Phase phase, std::uint64_t progress, const Timeouts& timeouts) noexcept {
    if (phase != phase_ || progress != progress_) {
      phase_ = phase;
      progress_ = progress;
      sweeps_ = 0;
      return false;
    }
    ++sweeps_;
    switch (phase) {
      case Session::Phase::answering:
        return false;  // a join may take its time
      case Session::Phase::head:
        return lasted(timeouts.header, timeouts);
      case Session::Phase::idle:
      case Session::Phase::body:
      case Session::Phase::writing:
        return lasted(timeouts.idle, timeouts);
    }
    return false;
  }

 private:
  bool lasted(std::chrono::milliseconds limit, const Timeouts& timeouts) const noexcept {
    return timeouts.sweep_period() * sweeps_ >= limit;
  }

  Session::Phase phase_ = Session::Phase::idle;
  std::uint64_t progress_ = 0;
  std::uint32_t sweeps_ = 0;
};

}  // namespace dhtd::http
