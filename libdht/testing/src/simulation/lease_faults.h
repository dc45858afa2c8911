// LeaseFaults: faults around a node's lease and a leader's own, each a short sequence of others that is a lease long or
// a few. What makes a lease outlast the moment at which others take it for ended needs several things at once, which
// chance alone seldom brings together.
//
// Thread rule: that of the timeline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "agenda.h"
#include "dice.h"
#include "setting.h"
#include "trace.h"
#include "world.h"

namespace dht::testing::simulation {

class LeaseFaults {
 public:
  LeaseFaults(World& world, const Setting& setting, const Trace& trace, std::uint64_t seed);

  // Each returns whether it could be done.

  /// A node that is slow to hear of its grants, or stands still and hears of them afterwards, falls silent.
  bool late_grant();
  /// The leader and a rival do not hear each other; the leader is silent to all until the rival stands for election,
  /// and comes back at about the time at which that one is elected.
  bool duel();

  /// Begins nothing any more; cuts and pauses are for others to end.
  void end() { agenda_.clear(); }

 private:
  struct Duel {
    std::size_t leader = 0;
    std::size_t rival = 0;
    std::vector<std::size_t> others{};
    Duration silent_from{0};
    Duration silent_for{0};
    Duration end{0};
  };

  /// The leader, where it runs and does not stand still.
  std::optional<std::size_t> awake_leader();
  std::vector<std::size_t> awake_besides(std::size_t place);
  Duration percent_of_lease(int least, int most);
  std::optional<Duel> draw_duel();
  void silence(const Duel& duel);
  void slow_down_votes(const Duel& duel);

  void slow_clock_of(std::size_t place);
  void stand_still(std::size_t place, Duration length);
  void cut_one_way(std::size_t from, std::size_t to);
  void slow_one_way(std::size_t from, std::size_t to, Duration extra);
  void heal(std::size_t a, std::size_t b);

  World& world_;
  const Duration lease_;
  const std::int64_t drift_;
  const Trace& trace_;
  Dice dice_;
  Agenda agenda_;
  bool is_duelling_ = false;
};

}  // namespace dht::testing::simulation
