// LeaderAlone: the leader of a cluster whose other nodes are only played: they take every map at once, copy in no time
// and report it. So the leader's own work can be measured for clusters that are too large to be run whole. What is
// real: the leader's logic, the maps, the bytes of calls and answers. What is not: register, transport, replicas.
//
// Thread rule: one thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/function.h>

#include "cluster/leader.h"
#include "cluster/map_writer.h"

namespace dht::growth {

struct LedRest {
  double us_per_heartbeat = 0;  ///< to read the call, to decide, to write the answer
  std::size_t answer_bytes = 0;
  std::size_t call_bytes = 0;
};

struct LedJoin {
  std::uint64_t changes = 0;    ///< of the map
  std::uint64_t copies = 0;     ///< learners that were added
  std::uint64_t maps_sent = 0;  ///< to members
  std::uint64_t map_bytes = 0;  ///< of those
  double decide_seconds = 0;    ///< of the processor, in the leader's logic
  double encode_seconds = 0;    ///< to write the calls that push maps, one for each member
};

class LeaderAlone {
 public:
  explicit LeaderAlone(const ClusterMap& map);

  /// Every member sends a heartbeat, a few times.
  LedRest rest();
  LedJoin join_one_more();

  const ClusterMap& map() const { return *leader_.map(); }

 private:
  using Effects = cluster::LeaderEffects;
  using Event = Function<void(Effects&)>;

  void at_leader(Event event);
  void carry_out(Effects effects);
  void push(const std::vector<NodeId>& nodes);
  /// Those who have something to say of the newest map, or had of the one before.
  void report();
  wire::Call heartbeat_of(NodeId node);
  /// Everybody sends a heartbeat, a quarter of a lease after the last.
  void beat();
  /// One latency goes by: all that is on its way arrives. Where nothing is, everybody sends a heartbeat.
  void pass_time();
  void wait_for_answer();

  Instant now_{std::chrono::seconds(1)};
  cluster::Leader leader_;
  cluster::MapWriter map_writer_{};  ///< as in the leader's seat
  std::vector<Event> on_their_way_{};
  std::map<NodeId, NodeReport> reports_{};
  std::set<std::pair<PartitionId, Epoch>> stopped_{};
  std::map<NodeId, std::uint64_t> grants_{};  ///< the number of the last one, by node
  bool has_news_ = false;                     ///< nodes have: the map or an order
  std::uint64_t last_ask_ = 0;
  cluster::Ticket last_ticket_ = 0;
  std::optional<cluster::Ticket> awaited_{};
  LedJoin join_{};
};

}  // namespace dht::growth
