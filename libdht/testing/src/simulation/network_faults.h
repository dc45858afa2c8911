// Faults of the network. Each ends by itself after a while.
//
// Thread rule: that of the timeline.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "agenda.h"
#include "dice.h"
#include "setting.h"
#include "trace.h"
#include "world.h"

namespace dht::testing::simulation {

class NetworkFaults {
 public:
  NetworkFaults(World& world, const Setting& setting, const Trace& trace, std::uint64_t seed);

  // Each returns whether it could be done.

  bool delay();
  bool lose_connections();
  bool cut(bool one_way);
  /// From the leader, at some moment of its join, for longer than a step of that may take.
  bool cut_off_joiner();

  /// Ends all of them.
  void heal();

 private:
  using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

  /// Two nodes; one and all others; or two halves. The one is often the leader.
  Pairs draw_pairs();
  Duration draw_length();
  bool slow_down();
  void heal(const Pairs& pairs);
  void set_latency(int factor);

  World& world_;
  const MemoryNetworkOptions options_;
  const Duration lease_;
  const Duration join_step_;
  const Trace& trace_;
  Dice dice_;
  Agenda agenda_;
  bool is_delayed_ = false;
};

}  // namespace dht::testing::simulation
