// Leader: what the one leader of a cluster decides. Pure logic: calls, reports and the time come in; map changes,
// pushes, orders and answers go out.
//
// It leads only while it holds its own lease (lease/leader_lease.h); without it, it grants no leases and changes
// nothing. What it proposes is a change of the newest map, which the register refuses once another leader was elected.
//
// It is level-triggered: after every event it compares the newest chosen map and the newest reports with what should
// be, and makes *one* map change out of all that is ready. At most one change is under way; what comes meanwhile goes
// into the next. Nothing that it remembers besides the map is needed for safety: nodes repeat their reports, callers
// repeat their calls, so a new leader starts from the map alone.
//
// A move of partition p from A to B: B becomes learner in the map; A reports it level; A is ordered to hand over; A
// reports stopped; one change makes B primary in the next epoch.
//
// Thread rule: one caller at a time (the membership's strand).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/scheduler.h>

#include "cluster/asides.h"
#include "cluster/forgets.h"
#include "cluster/joins.h"
#include "cluster/leader_effects.h"
#include "cluster/leaves.h"
#include "cluster/move_driver.h"
#include "cluster/report_book.h"
#include "cluster/scene.h"
#include "cluster/spread.h"
#include "cluster/waiting_calls.h"
#include "cluster/whereabouts.h"
#include "lease/grant_book.h"
#include "wire/control.h"

namespace dht::cluster {

class Leader {
 public:
  /// `map` is known since now to be chosen, and names `self` as leader. Nobody is called down before `wait` has passed
  /// (lease::wait_of_new_leader).
  Leader(NodeId self, ClusterMapPtr map, LeaderOptions options, Instant now, Duration wait);
  ~Leader();

  const ClusterMapPtr& map() const noexcept;

  // Calls of nodes. The same call again replaces the ticket of the earlier one, which is answered with Errc::conflict
  // and try_later.

  void on_join(Ticket ticket, const wire::Call& call, std::uint64_t wall_ms, Instant now, LeaderEffects& effects);
  void on_activate(Ticket ticket, NodeId node, Instant now, LeaderEffects& effects);
  void on_settle(Ticket ticket, NodeId node, Instant now, LeaderEffects& effects);
  void on_abandon(Ticket ticket, NodeId node, Instant now, LeaderEffects& effects);
  void on_leave(Ticket ticket, NodeId node, Instant now, LeaderEffects& effects);
  void on_heartbeat(Ticket ticket, const wire::Call& call, Instant now, LeaderEffects& effects);
  /// A member is about to stop, and to come back.
  void on_step_aside(Ticket ticket, NodeId node, Instant now, LeaderEffects& effects);
  /// The caller passes on an operator's wish to give a member up that is down.
  void on_forget(Ticket ticket, const wire::Call& call, Instant now, LeaderEffects& effects);

  /// This node itself joins another cluster or leaves: joins are refused (try_later) while it does.
  void set_closed(bool closed);

  /// The leader's own lease ends at `until`. Where it had ended before, all members are given a lease's time again.
  void on_lease(Instant until, Instant now, LeaderEffects& effects);

  // What became of effects.

  void on_acknowledged(NodeId node, Revision adopted, Instant now, LeaderEffects& effects);
  void on_chosen(ClusterMapPtr map, Instant now, LeaderEffects& effects);
  /// The proposal was not made; `newest` is what the register holds. Where that names another leader nothing is
  /// proposed any more.
  void on_refused(ClusterMapPtr newest, Instant now, LeaderEffects& effects);
  /// Time passes: call at least every lease::tick_interval. Repeats pushes and orders that were not heeded.
  void on_tick(Instant now, LeaderEffects& effects);

  /// For handing the leadership over: makes no further proposal from now on, until `resume`, but for the end of a
  /// change of voters.
  void resign();
  void resume(Instant now, LeaderEffects& effects);
  bool is_proposing() const noexcept;
  /// When there may be more to do, should nothing happen until then: it wants an `on_tick` at that time.
  std::optional<Instant> look_again_at() const noexcept { return moves_.retry_at(); }
  /// Other members are on their way out, and need a leader for it.
  bool has_leaves(Instant now) const;
  /// Alive, active members besides this one, voters and those with the newest map first:
  /// who can take the leadership over.
  std::vector<NodeId> successors(Instant now) const;

  /// Answers every waiting ticket with Errc::not_applied and try_later.
  void stop(LeaderEffects& effects);

  std::vector<wire::MemberReport> members(Instant now) const;
  std::vector<wire::OperationReport> operations(Instant now) const;

 private:
  void pass(Instant now);
  Scene scene(Instant now, LeaderEffects& effects);
  Scene begin_call(wire::CallKind kind, Ticket ticket, NodeId node, Instant now, LeaderEffects& effects);
  void acknowledge(NodeId node, Revision adopted);
  /// A member, or on its way to become one.
  bool is_known(NodeId node) const;
  bool holds_lease(Instant now) const noexcept { return now < lease_until_; }
  /// A change that calls the node down is under way, so it is granted nothing until that is settled.
  bool is_condemned(NodeId node) const;
  wire::LeaseGrant grant(NodeId node, const wire::LeaseAsk& ask, Instant now);
  void adopt(ClusterMapPtr map, Instant now, LeaderEffects& effects);
  void remove_replaced(MapChange& change) const;
  void advance(Instant now, LeaderEffects& effects);
  std::set<NodeId> shunned(Instant now) const;
  bool may_propose(Instant now) const noexcept;
  void propose(const Scene& at);
  void change_all(const Scene& at, MapChange& change);
  void change_states(const Scene& at, MapChange& change) const;
  void change_voters(const Scene& at, MapChange& change) const;
  void order(Instant now, LeaderEffects& effects);
  bool is_quiet(Instant now) const;

  NodeId self_;
  Duration lease_;
  ClusterMapPtr map_;       ///< the newest chosen one
  ClusterMapPtr proposal_;  ///< the change under way, or null
  bool resigned_ = false;
  bool has_news_ = true;  ///< something was learnt since the last change was made, so another may be due
  Instant lease_until_{Duration::min()};  ///< of the leader's own
  lease::GrantBook grants_;
  ReportBook reports_;
  Spread spread_;
  WaitingCalls waiting_;
  Joins joins_;
  Leaves leaves_;
  Forgets forgets_;
  Asides asides_;
  /// Members that were down and may have kept what they had, until they have reported with a map that knows them again:
  /// only then do they say which old copies they have.
  std::map<NodeId, Revision> returning_;
  Whereabouts whereabouts_;
  MoveDriver moves_;
  std::map<NodeId, std::uint64_t> bytes_at_leave_;  ///< of leaving nodes: what they held when they asked
};

}  // namespace dht::cluster
