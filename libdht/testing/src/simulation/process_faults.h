// Faults of processes and of their clocks.
//
// With one copy of each entry, the entries of a member that crashes are gone. A crash that the cluster as such could
// not survive is none of these faults (see endurance.h).
//
// Thread rule: that of the timeline.
#pragma once

#include <cstddef>
#include <optional>

#include "agenda.h"
#include "dice.h"
#include "endurance.h"
#include "lifecycle.h"
#include "setting.h"
#include "trace.h"
#include "world.h"

namespace dht::testing::simulation {

class ProcessFaults {
 public:
  ProcessFaults(World& world, Lifecycle& lifecycle, const Endurance& endurance, const Setting& setting,
                const Trace& trace, std::uint64_t seed);

  // Each returns whether it could be done.

  bool crash(MemoryNetwork::Crash kind);
  bool restart();
  /// Only where nodes have disks.
  bool power_cut();
  bool pause();
  bool drift();
  bool set_wall_clock();

  /// All clocks run as fast or as slow as they may.
  void set_clocks_apart();

  /// Where nodes have disks: whoever has ended comes back.
  void restart_all();
  /// Lets all go on that stand still.
  void resume_all();

 private:
  /// One that runs and does not stand still; often the leader.
  std::optional<std::size_t> draw_running();
  bool may_crash(std::size_t place);
  void set_clock_rate(std::size_t place, std::int64_t rate);
  /// As likely as not one of the two extremes, where what was reckoned with too tightly shows.
  std::int64_t draw_rate();
  void restart_soon(std::size_t place);
  void restart(std::size_t place);

  World& world_;
  Lifecycle& lifecycle_;
  const Endurance& endurance_;
  const Setting setting_;
  const Trace& trace_;
  Dice dice_;
  Agenda agenda_;
};

}  // namespace dht::testing::simulation
