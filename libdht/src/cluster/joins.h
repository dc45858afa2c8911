// Joins: the nodes that are on their way in. A node asks (its name and settings are judged), is listed as joining while
// it copies its entries into the cluster, asks to be activated, is given its share, and has joined when everything has
// settled and every alive member knows.
//
// Thread rule: none of their own; use one object from one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "cluster/map_change.h"
#include "cluster/planner.h"
#include "cluster/scene.h"

namespace dht::cluster {

class Joins {
 public:
  explicit Joins(std::uint64_t max_clock_skew_ms) : max_clock_skew_ms_(max_clock_skew_ms) {}

  // Calls; each waits already and may be answered at once.

  void ask(const wire::Call& call, std::uint64_t wall_ms, const Scene& scene);
  void ask_activation(NodeId node, const Scene& scene);
  void give_up(NodeId node, const Scene& scene);

  /// Newcomers are refused while closed; those that the map lists already go on.
  void set_closed(bool closed) { closed_ = closed; }
  bool knows(NodeId node) const { return joins_.contains(node); }
  /// A newer map: takes on the joins that are under way in it.
  void adopt(const ClusterMap& map, Instant now);

  /// Answers those that gave up and are out. To be called before a change is made.
  void close_abandoned(const Scene& scene);

  // The parts of a change, in this order; moves are finished before the last one.

  void remove_failed(const Scene& scene, MapChange& change) const;
  void activate(MapChange& change) const;
  void admit(const Scene& scene, MapChange& change);

  /// Active nodes that ask to be let in: an earlier join of theirs broke off after the activation. They are given
  /// nothing and taken out of the map first.
  std::set<NodeId> starting_over(const ClusterMap& map) const;
  /// Notes how many partitions new members are to be given, when that is first planned.
  void count_moves(const ClusterMap& next, const std::vector<Move>& waiting);

  /// Whether `answer` makes a difference between quiet and not.
  bool awaits_quiet(const WaitingCalls& waiting) const;
  /// `quiet`: no move is planned or under way, and every alive member has the newest map.
  void answer(const Scene& scene, bool quiet);
  void report(const ClusterMap& map, const std::vector<Move>& waiting, Instant now,
              std::vector<wire::OperationReport>& reports) const;

 private:
  struct Join {
    NodeRecord node{};
    ClusterId from{};
    Instant begun{};
    bool wanted = false;      ///< asks to be listed as joining, and is not yet
    bool activating = false;  ///< asks to be activated
    bool given_up = false;    ///< to be taken out of the map
    std::uint64_t total = 0;  ///< partitions that it is to be given, as first planned
  };

  static void refuse(Join& join, wire::Answer answer, const Scene& scene);
  static void answer_listed(Join& join, const Scene& scene);
  void answer_activations(const Scene& scene) const;
  static void answer_settled(const Scene& scene, bool quiet);
  void forget_finished(const Scene& scene, bool quiet);

  std::uint64_t max_clock_skew_ms_;
  bool closed_ = false;
  std::map<NodeId, Join> joins_;
};

}  // namespace dht::cluster
