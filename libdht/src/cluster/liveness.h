// Liveness: who has been heard of lately. Self always has.
//
// Silence counts only while this node itself was running: a leader that was stopped for a while (a suspended machine, a
// debugger) finds every other node silent, and gives all of them that time again instead of taking them for dead.
//
// Thread rule: none of their own; use one object from one thread at a time. Instants never go back.
#pragma once

#include <map>

#include <dht/cluster_map.h>
#include <dht/scheduler.h>

namespace dht::cluster {

class Liveness {
 public:
  /// All nodes of `map` count as heard at `now`.
  Liveness(NodeId self, Duration silence_limit, const ClusterMap& map, Instant now);

  /// True where the node was not alive until now.
  bool hear(NodeId node, Instant now);
  /// To be called at every event, before anything else. True where a node may have died since the last call.
  bool pass(Instant now);
  /// The nodes of a newer map: those that were never heard count as heard now; silent ones that left are forgotten.
  void adopt(const ClusterMap& map, Instant now);

  bool is_alive(NodeId node, Instant now) const;

 private:
  NodeId self_;
  Duration limit_;
  Instant last_event_;
  Instant earliest_death_;  ///< no alive node dies before this moment
  std::map<NodeId, Instant> heard_;
};

}  // namespace dht::cluster
