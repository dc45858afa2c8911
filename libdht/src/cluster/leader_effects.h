// What the leader is given to go by, and what it wants done after an event.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/scheduler.h>

#include "wire/control.h"

namespace dht::cluster {

/// Names a call that waits for its answer; given by the owner, unique.
using Ticket = std::uint64_t;

struct LeaderOptions {
  Duration lease{};                       ///< of the cluster's settings
  std::uint32_t max_moves_per_node = 64;  ///< partitions under way to or from one node at a time
  /// How long the copies of a member that went, and may come back with them, are not replaced by others.
  Duration return_patience{0};
  std::uint64_t max_clock_skew_ms = 60'000;  ///< a joiner whose clock is further ahead would win every merge: refused
};

struct LeaderEffects {
  struct Reply {
    Ticket ticket = 0;
    wire::Answer answer{};  ///< `id` is left to the owner
  };
  struct Order {
    NodeId primary{};
    std::vector<wire::HandOverOrder> hand_overs{};
  };

  ClusterMapPtr propose{};       ///< to be compared-and-set on the register, expecting the revision before it
  std::vector<NodeId> push{};    ///< send them `Leader::map()`
  std::vector<Order> orders{};   ///< send these
  std::vector<Reply> replies{};  ///< each ticket is answered exactly once
};

}  // namespace dht::cluster
