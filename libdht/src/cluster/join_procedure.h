// JoinProcedure: what a node does to join another cluster (design: "Join"):
//
//   hello     finds a peer that answers; the same cluster already: done
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

#include <cstddef>
#include <string>
#include <vector>

#include <dht/membership.h>

#include "cluster/leader_seat.h"
#include "cluster/leave_procedure.h"
#include "cluster/member.h"

namespace dht::cluster {

class JoinProcedure {
 public:
  JoinProcedure(Member& member, LeaderSeat& seat);

  /// `done` once.
  void start(std::vector<PeerName> peers, StatusHandler done);

  /// The cluster that lists this node as joining, from "register" to "activate"; its leader wants heartbeats.
  const ClusterMapPtr& target() const noexcept { return target_; }
  /// A newer map of the target.
  void on_target_map(const ClusterMapPtr& map);
  /// Whether a node that brings the cluster `from` may register here while this node itself is joining elsewhere: of
  /// two clusters that join each other the one of the smaller id hosts, unless it is registered already.
  bool may_host(ClusterId from) const;

 private:
  void say_hello(std::size_t index);
  void on_hello(std::size_t index, std::error_code error, const wire::Answer& answer);
  void nobody_answered();
  void leave_first();
  void register_with(const ClusterMapPtr& target);
  void on_registered(const wire::Answer& answer);
  void step_back();
  void abandon();
  void try_again(const wire::Answer& answer);
  void copy(bool drop_copies);
  void activate();
  void on_activated(const wire::Answer& answer);
  void settle();
  /// Before "activate": back to what was.
  void give_up(Status status);
  void end(Status status);

  Member& member_;
  LeaderSeat& seat_;
  LeaveProcedure leave_;
  std::vector<PeerName> peers_;
  StatusHandler done_;
  Instant began_{};
  ClusterId from_;
  ClusterMapPtr found_;  ///< the cluster that answered, before this node is registered there
  ClusterMapPtr target_;
  int hello_rounds_ = 0;
  std::string unreached_;  ///< which peers did not answer, and why
};

}  // namespace dht::cluster
