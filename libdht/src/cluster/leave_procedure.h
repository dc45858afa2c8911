// LeaveProcedure: what a node does to leave its cluster (design: "Leave"): it hands the leadership over if it has it,
// asks the leader to let it go, and stands alone once its partitions have moved and every member knows.
//
// Thread rule: the membership's strand.
#pragma once

#include <dht/membership.h>

#include "cluster/leader_seat.h"
#include "cluster/member.h"

namespace dht::cluster {

class LeaveProcedure {
 public:
  LeaveProcedure(Member& member, LeaderSeat& seat);

  /// `done` once; at once where the node stands alone already.
  void start(StatusHandler done);

 private:
  void step();
  void wait_for_successor(Status status);
  void ask_to_go();
  void on_answer(const wire::Answer& answer);
  void stand_alone();

  Member& member_;
  LeaderSeat& seat_;
  StatusHandler done_;
  Instant last_progress_{};
  Revision last_revision_ = 0;
};

}  // namespace dht::cluster
