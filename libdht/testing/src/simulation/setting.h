// Setting: what one run is like, drawn from its seed. The ranges are wide, so that runs differ in kind: a tight network
// or a wild one, hurried timers or patient ones, many faults or few, one kind of fault or all of them.
//
// Thread rule: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <dht/node.h>
#include <dht/testing/faults.h>
#include <dht/testing/memory_network.h>

#include "dice.h"

namespace dht::testing::simulation {

struct Setting {
  std::size_t first_members = 1;
  std::size_t places = 1;  ///< most nodes at a time, members or not
  NodeOptions node{};
  MemoryNetworkOptions network{};
  Duration storage_delay{0};  ///< of a call, at least
  Duration storage_delay_max{0};
  bool durable = false;  ///< nodes keep what they have on disk
  Duration sync_delay{0};
  Duration sync_delay_max{0};
  std::int64_t drift = 0;  ///< millionths that a clock gains or loses at most

  FaultSet faults{};
  bool moves = false;          ///< nodes come and go while few keys are written all the time
  bool duels = false;          ///< faults around leases, one after the other, and few others
  Duration duration{0};        ///< for which there are faults
  Duration pace{0};            ///< between two faults, on average
  unsigned chase_percent = 0;  ///< how often a new map brings a fault right after it
  unsigned haste_percent = 0;  ///< how often an operator gives up a node as soon as a map calls it down

  std::size_t clients = 1;
  std::size_t hot_keys = 1;
  Duration rest{0};                       ///< of a client between two operations, on average
  std::chrono::milliseconds deadline{0};  ///< of an operation
  bool ballast = false;                   ///< large entries, so that a partition is copied in several pieces
};

Setting draw_setting(Dice& dice, FaultSet allowed);
std::string describe(const Setting& setting);

}  // namespace dht::testing::simulation
