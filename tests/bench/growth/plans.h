// How large the map of a cluster is, and how long it takes to write, read and plan it. No nodes are involved.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>

namespace dht::growth {

/// Times are in microseconds of the processor, medians.
struct Plans {
  std::size_t map_bytes = 0;
  double encode = 0;
  double decode = 0;  ///< with the check that it is sound
  double join = 0;    ///< one node joins the even cluster
  double leave = 0;
  std::uint64_t copies_for_join = 0;   ///< copies to be made by the plan
  std::uint64_t copies_for_leave = 0;  ///< the same
  std::uint64_t share = 0;             ///< of one node, in copies, rounded down
};

/// `nodes` >= 2 is the size before the join or the leave.
Plans measure_plans(std::size_t nodes, std::uint32_t partitions);

}  // namespace dht::growth
