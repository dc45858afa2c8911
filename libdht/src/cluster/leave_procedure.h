// LeaveProcedure: what a node does to leave its cluster (design: "Leave"): it hands the leadership over if it has it,
// asks the leader to let it go, and stands alone once its partitions have moved and every member knows.
//
// Thread rule: the membership's strand.
#pragma once

#include <dht/membership.h>

#include "cluster/solitude.h"

namespace dht::cluster {

class LeaveProcedure {
 public:
  explicit LeaveProcedure(Seats seats);

  /// `done` once; at once where the node stands alone already.
  void start(StatusHandler done);
  /// The same, but the node stays a member, and keeps what it has: it is about to stop and to come back. `done` when
  /// others go on with all that they have, too.
  void start_stepping_aside(StatusHandler done);

 private:
  void begin(StatusHandler done);
  void step();
  void wait_for_successor(Status status);
  void ask_to_go();
  void on_answer(const wire::Answer& answer);
  void end(Status status);

  Seats seats_;
  Member& member_;
  LeaderSeat& seat_;
  bool comes_back_ = false;
  StatusHandler done_;
  Instant last_progress_{};
  Revision last_revision_ = 0;
};

}  // namespace dht::cluster
