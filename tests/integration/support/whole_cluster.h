// A cluster whose nodes crash, pause, leave and come back, one after the other, until each time it is whole again.
//
// Thread rule: the main thread; `serving` is for the threads of clients, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/checked_client.h"
#include "support/storm_network.h"
#include "support/test_node.h"

namespace dht::integration {

/// How long a cluster may take to have all its copies again.
inline constexpr std::chrono::seconds kHealingPatience{60};

/// Whether a node says that all of so many are active and vote as they should, all partitions have all copies, and
/// nothing moves. Former incarnations may still be called down, where they hold nothing.
bool says_whole(const ClusterView& view, std::size_t nodes);
/// In a line, for people.
std::string describe(const ClusterView& view);

class WholeCluster {
 public:
  /// Nodes n0, n1... that are members of one cluster, in the network where it can cut links, else over loopback. It
  /// outlives this.
  WholeCluster(std::size_t nodes, std::size_t replicas, StormNetwork& network);

  std::size_t size() const { return nodes_.size(); }
  Nodes& nodes() { return nodes_; }
  /// With a connection that is begun anew: nodes close those that are idle.
  TestNode& operator[](std::size_t node);
  StormNetwork& network() { return network_; }
  ServingNodes& serving() { return *serving_; }
  /// By what the nodes that answer say; those that do not are not asked.
  std::size_t leader();

  /// Kills the node; from then on it is out of service.
  void crash(std::size_t node);
  /// Starts it anew under the same name. It stands alone.
  void restart(std::size_t node) { nodes_[node].restart(); }
  void leave(std::size_t node);
  /// Through that member, and then it is in service again. Throws std::runtime_error where it is not taken in time.
  void join(std::size_t node, std::size_t member);
  /// Waits until every node says that all are active and vote as they should, all partitions have all copies, and
  /// nothing moves (former incarnations may still be called down, where they hold nothing); and says so, of one
  /// revision of the map, for that long. Some faults are noticed only when they are over. False after the patience;
  /// Interrupted where a signal comes.
  bool await_whole(SteadyClock::duration calm = {}, SteadyClock::duration patience = kHealingPatience);
  /// Forgets the former incarnations that are called down and hold nothing; how many there were.
  std::size_t forget_former();
  /// What each node says, in a line, for people.
  std::string describe();

 private:
  std::optional<ClusterView> view(std::size_t node);
  /// The revision of which all say so.
  std::optional<std::uint64_t> whole_revision();

  StormNetwork& network_;
  Nodes nodes_;
  std::optional<ServingNodes> serving_;
};

}  // namespace dht::integration
