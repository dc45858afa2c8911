// FaultSchedule: when which fault comes. Faults come at random, and, in some runs, right after a map that was just
// seen, where the protocols are in the middle of something.
//
// Thread rule: that of the timeline.
#pragma once

#include <vector>

#include "agenda.h"
#include "dice.h"
#include "lease_faults.h"
#include "lifecycle.h"
#include "network_faults.h"
#include "operator.h"
#include "process_faults.h"
#include "setting.h"

namespace dht::testing::simulation {

class FaultSchedule {
 public:
  FaultSchedule(World& world, Lifecycle& lifecycle, Operator& an_operator, const Endurance& endurance,
                const Setting& setting, const Trace& trace, std::uint64_t seed);

  void start();
  /// No fault comes any more, and what can be healed is.
  void heal();
  void on_new_map();
  const FaultCounts& counts() const noexcept { return counts_; }

 private:
  void strike_later();
  void strike();
  /// An operator gives up what the newest map calls down, in a moment.
  void give_up_soon();
  /// Whether it could be done.
  bool inject(Fault fault);
  bool join();
  bool leave();

  World& world_;
  Lifecycle& lifecycle_;
  Operator& operator_;
  const Setting setting_;
  const Trace& trace_;
  Dice dice_;
  Agenda agenda_;
  NetworkFaults network_;
  ProcessFaults processes_;
  LeaseFaults leases_;
  std::vector<Fault> urn_;  ///< each fault as often as its weight in this run
  bool running_ = false;
  FaultCounts counts_;
};

}  // namespace dht::testing::simulation
