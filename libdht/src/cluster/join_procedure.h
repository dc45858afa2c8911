// JoinProcedure: what a node does to join another cluster (design: "Join"):
//
//   hello     finds a peer that answers (PeerSearch); the same cluster already: done
//   leave     where the node belongs to another cluster with others
//   register  the cluster lists the node as joining; the node still serves its own table
//   copy      the node's entries go into the cluster, its clients go on
//   finish    the clients wait, the last entries go over
//   activate  the cluster lists the node as active: from here on there is no way back
//   settle    partitions move; ends when the cluster is even and everybody knows
//
// A failure before "activate" leaves the node as it was, alone and with all its data.
//
// Thread rule: the membership's strand.
#pragma once

#include <string>
#include <vector>

#include <dht/membership.h>

#include "cluster/leave_procedure.h"
#include "cluster/peer_search.h"
#include "cluster/solitude.h"

namespace dht::cluster {

class JoinProcedure {
 public:
  explicit JoinProcedure(Seats seats);

  /// `done` once.
  void start(std::vector<PeerName> peers, JoinGoal goal, StatusHandler done);

  /// A newer map of the target.
  void on_target_map(const ClusterMapPtr& map);
  /// Whether a node that brings the cluster `from` may register here while this node itself is joining elsewhere: of
  /// two clusters that join each other the one of the smaller id hosts, unless it is registered already.
  bool may_host(ClusterId from) const;

 private:
  void say_hello();
  void on_found(const PeerSearch::Result& found);
  void nobody_answered(const std::string& unreached);
  /// Where all peers are wanted: whether this node waits for those of the other cluster to come.
  bool is_elsewhere(const ClusterMap& own, const PeerSearch::Result& found) const;
  bool stays_with(const ClusterMap& own, const ClusterMap& other) const;
  void leave_first();
  void register_with(const ClusterMapPtr& target);
  void on_registered(const wire::Answer& answer);
  void step_back();
  void abandon();
  void try_again(const wire::Answer& answer);
  void copy(bool drop_copies);
  void activate();
  void on_activated(const wire::Answer& answer);
  void become_member(const ClusterMapPtr& map);
  void settle();
  /// Before "activate": back to what was.
  void give_up(Status status);
  void end(Status status);

  Seats seats_;
  Member& member_;
  LeaderSeat& seat_;
  LeaveProcedure leave_;
  PeerSearch search_;
  std::vector<PeerName> peers_;
  JoinGoal goal_ = JoinGoal::one_peer;
  StatusHandler done_;
  Instant began_{};
  bool has_moved_ = false;  ///< into a cluster of one of the peers, by this join
  int hello_rounds_ = 0;
};

}  // namespace dht::cluster
