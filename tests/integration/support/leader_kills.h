// A cluster of five whose leader is killed again and again, each time started anew under the same name and address and
// joined again; and how long the map could not be changed.
//
// Thread rule: one thread.
#pragma once

#include <cstddef>

#include "support/test_node.h"

namespace dht::integration {

/// Seconds from a kill.
struct Takeover {
  double leader = 0;  ///< until a survivor names another leader
  double change = 0;  ///< until the join of another node has succeeded
};

class LeaderKills {
 public:
  LeaderKills();

  /// Kills the present leader and measures; then the cluster is as it was before, with that node as an empty member.
  /// Failed conditions fail the running test.
  Takeover next();
  Nodes& nodes() { return nodes_; }

 private:
  std::size_t leader();
  void await_whole();

  Nodes nodes_;
  TestNode guest_;  ///< joins while the leader is dead, and leaves again
};

/// Joins the cluster of `member`, trying until it takes the node or the patience has ended; whether it did.
bool joins_eventually(TestNode& node, const TestNode& member);

}  // namespace dht::integration
