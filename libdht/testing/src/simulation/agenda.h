// Agenda: what the simulation itself is going to do, and when by true time.
//
// Thread rule: that of the timeline.
#pragma once

#include <utility>

#include <dht/testing/timeline.h>

namespace dht::testing::simulation {

class Agenda {
 public:
  explicit Agenda(Timeline& timeline) noexcept : timeline_(timeline) {}
  /// Forgets what is still to be done.
  ~Agenda() { clear(); }
  Agenda(const Agenda&) = delete;
  Agenda& operator=(const Agenda&) = delete;

  void after(Duration delay, Function<void()> task) { timeline_.add(this, timeline_.now() + delay, std::move(task)); }
  void clear() { timeline_.remove_all(this); }

 private:
  Timeline& timeline_;
};

}  // namespace dht::testing::simulation
