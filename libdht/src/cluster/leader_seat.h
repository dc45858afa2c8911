// LeaderSeat: carries out what the leader's logic wants, while this node is the leader: changes the register, pushes
// maps, sends orders, answers calls. Between times it is empty.
//
// Thread rule: the membership's strand.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <dht/register.h>

#include "cluster/held_register.h"
#include "cluster/leader.h"
#include "cluster/member.h"

namespace dht::cluster {

class LeaderSeat {
 public:
  /// Gives an answer to whoever called.
  using Answerer = Function<void(wire::Answer)>;

  explicit LeaderSeat(Member& member);
  ~LeaderSeat();

  bool is_taken() const noexcept { return leader_.has_value(); }
  /// A change of the map is under way.
  bool is_proposing() const noexcept { return leader_ && leader_->is_proposing(); }
  /// This node leads by `map` and holds the register.
  void take(ClusterMapPtr map);
  /// It no longer does; whoever waits is told to ask again.
  void vacate();

  /// A call for the leader. Answered later, or at once with "later" and the newest map where this node does not lead.
  void on_call(wire::Call call, Answerer answer);
  /// Joins are put off while this node itself is joining or leaving.
  void set_closed(bool closed);
  /// Joins are put off from now on, whatever `set_closed` says.
  void close_for_good();

  /// Hands the leadership to another live member, as a leaving leader does. `done` when that has taken it over, or with
  /// Errc::conflict where none can now (each is gone, or is leaving itself); then this node still leads.
  void hand_over(StatusHandler done);
  /// Takes the leadership over from the present leader, by `map`.
  wire::Answer on_take_leadership(const ClusterMapPtr& map, bool busy);

  void on_tick();
  HeldRegister& held_register() noexcept { return register_; }

 private:
  /// Tells of a join that is refused for good.
  Answerer logged(const NodeRecord& joiner, Answerer answer);
  void carry_out(LeaderEffects effects);
  void propose(ClusterMapPtr map);
  void push(const std::vector<NodeId>& nodes);
  void order(const LeaderEffects::Order& order);
  void reply(LeaderEffects::Reply reply);
  void offer_leadership(StatusHandler done);
  void on_offer_answered(ClusterMapPtr offered, NodeId successor, std::error_code error, wire::Answer answer,
                         bool delivered_before, StatusHandler done);
  void send_offer(ClusterMapPtr offered, NodeId successor, bool delivered_before, StatusHandler done);
  /// A live, active member that has not refused.
  std::optional<NodeId> next_candidate() const;
  void keep_leading();
  void refresh_view();

  Member& member_;
  HeldRegister register_;
  std::optional<Leader> leader_;
  bool closed_ = false;
  bool closed_for_good_ = false;
  std::set<NodeId> asked_;  ///< to take the leadership over, and have refused
  Ticket last_ticket_ = 0;
  std::map<Ticket, Answerer> waiting_;
};

}  // namespace dht::cluster
