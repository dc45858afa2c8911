// Operator: gives members up that are down, and so accepts the loss of what they alone held.
//
// Thread rule: that of the timeline; none of it is called from inside a node's handlers.
#pragma once

#include <cstddef>
#include <set>
#include <vector>

#include "desk.h"
#include "dice.h"
#include "lifecycle.h"
#include "losses.h"
#include "trace.h"

namespace dht::testing::simulation {

class Operator {
 public:
  Operator(Desk& desk, Lifecycle& lifecycle, Losses& losses, const Trace& trace, std::uint64_t seed)
      : desk_(desk), lifecycle_(lifecycle), losses_(losses), trace_(trace), dice_(seed) {}

  /// One that is down by the newest map, whether it runs or not. Whether there is one.
  bool give_up_any();
  /// All that are down and do not run as members, but those that are being given up.
  void give_up_dead();

 private:
  std::vector<NodeRecord> down();
  bool give_up(const NodeRecord& node);
  bool is_hosting(const NodeRecord& node);

  Desk& desk_;
  Lifecycle& lifecycle_;
  Losses& losses_;
  const Trace& trace_;
  Dice dice_;
  std::set<NodeId> asked_;  ///< and not answered
};

}  // namespace dht::testing::simulation
