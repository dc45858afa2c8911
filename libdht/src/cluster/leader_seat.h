// LeaderSeat: carries out what the leader's logic wants, while this node is the leader: keeps its lease, changes the
// map, pushes maps, sends orders, answers calls. Between times it is empty.
//
// Thread rule: the membership's strand.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "cluster/leader.h"
#include "cluster/map_writer.h"
#include "cluster/member.h"
#include "cluster/voter_seat.h"
#include "lease/leader_lease.h"

namespace dht::cluster {

class LeaderSeat {
 public:
  /// Gives an answer to whoever called.
  using Answerer = Function<void(wire::Answer)>;

  LeaderSeat(Member& member, VoterSeat& voter);
  ~LeaderSeat();

  bool is_taken() const noexcept { return leader_.has_value(); }
  /// A change of the map is under way.
  bool is_proposing() const noexcept { return leader_ && leader_->is_proposing(); }
  bool holds_lease() const;
  /// This node leads by `map`, which is known since now to be chosen; it calls nobody down before `wait` has passed.
  void take(ClusterMapPtr map, Duration wait);
  /// It no longer does; whoever waits is told to ask again.
  void vacate();
  /// A newer map, made by another node, that still names this one leader.
  void learn(ClusterMapPtr map);

  /// A call for the leader. Answered later, or at once with "later" and the newest map where this node does not lead.
  void on_call(wire::Call call, Answerer answer);
  /// Joins are put off while this node itself is joining or leaving.
  void set_closed(bool closed);
  /// Joins are put off from now on, whatever `set_closed` says.
  void close_for_good();

  /// Makes another live member leader, as a leaving leader does. `done` when the map says so, or with Errc::conflict
  /// where none can lead now (each is gone, or is leaving itself), or Errc::not_applied where no majority can be
  /// reached; then this node still leads.
  void hand_over(StatusHandler done);

  /// Asks the voters to confirm that this node leads.
  void renew();
  void on_tick();

 private:
  /// Tells of a join that is refused for good.
  Answerer logged(const NodeRecord& joiner, Answerer answer);
  void dispatch(const wire::Call& call, Ticket ticket, LeaderEffects& effects);
  void carry_out(LeaderEffects effects);
  void propose(ClusterMapPtr map);
  void on_proposed(const ClusterMapPtr& map, std::error_code error, const ClusterMapPtr& newest);
  void find_out(const ClusterMapPtr& map);
  void refuse(const ClusterMapPtr& newest);
  void push(const ClusterMapPtr& map, const std::vector<NodeId>& nodes);
  void order(const LeaderEffects::Order& order);
  void reply(LeaderEffects::Reply reply);
  void on_confirmed(std::uint64_t ask, NodeId voter, const wire::VoterReply& reply);
  void keep_leading(Status reason, StatusHandler done);
  void propose_successor(ClusterMapPtr map, StatusHandler done);
  void hand_over_again(const ClusterMapPtr& newest, StatusHandler done);
  void look_for_newest();
  void refresh_view();
  /// Has the leader look again when it wants to, which may be before the next tick.
  void arm();

  Member& member_;
  VoterSeat& voter_;
  std::optional<Leader> leader_;
  std::optional<lease::LeaderLease> lease_;  ///< while the seat is taken
  Instant taken_at_{};
  std::optional<Instant> looks_again_at_;
  std::uint64_t reign_ = 0;  ///< counts the times that it was taken: late answers are of an earlier one
  bool is_looking_ = false;  ///< for a newer map, in the register
  bool closed_ = false;
  bool closed_for_good_ = false;
  Ticket last_ticket_ = 0;
  std::map<Ticket, Answerer> waiting_;
  MapWriter map_writer_;  ///< writes the map that is being spread
};

}  // namespace dht::cluster
