// WholeNodes: a cluster of real nodes on virtual time, at rest and while one more joins. Nothing in it is a model but
// the clock and the network.
//
// Thread rule: one thread only.
#pragma once

#include <cstdint>

#include <dht/scheduler.h>
#include <dht/testing/cluster.h>

#include "traffic.h"

namespace dht::growth {

struct Rest {
  Duration time{0};
  Traffic traffic{};
};

struct Join {
  Duration time{0};           ///< from the call to its answer: the load is even and everybody knows
  std::uint64_t changes = 0;  ///< of the map
  std::uint64_t copies = 0;   ///< learners that were added: copies of partitions that were made
  std::uint64_t ideal = 0;    ///< the newcomer's share of all copies, rounded down
  Traffic traffic{};
  double processor_seconds = 0;  ///< all nodes, network and clock together
};

class WholeNodes {
 public:
  /// All of them join a founder at the same time. It gives away as many partitions at a time as it likes, since a full
  /// table of many partitions is slow to spread otherwise, and then leaves. Whoever leads now has the usual limit.
  WholeNodes(std::size_t nodes, std::uint32_t partitions);

  /// Lets the cluster be for a while.
  Rest rest(Duration time);
  Join join_one_more();

  ClusterMapPtr map();

 private:
  void wait_for(const testing::PendingStatus& pending);
  void count(Traffic& traffic);

  testing::Cluster cluster_;
};

}  // namespace dht::growth
