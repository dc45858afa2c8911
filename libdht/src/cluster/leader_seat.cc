#include "cluster/leader_seat.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "agreement/quorum.h"
#include "base/assert.h"
#include "cluster/map_change.h"
#include "cluster/refusal.h"
#include "lease/rules.h"

namespace dht::cluster {
namespace {

constexpr Duration kTryAgain = std::chrono::milliseconds(50);

bool is_for_leader(wire::CallKind kind) {
  using enum wire::CallKind;
  return kind == join || kind == activate || kind == settle || kind == abandon || kind == leave || kind == heartbeat ||
         kind == forget || kind == step_aside;
}

std::vector<NodeId> members_besides(const ClusterMap& map, NodeId self) {
  std::vector<NodeId> nodes;
  for (const NodeRecord& node : map.nodes) {
    if (node.id != self && is_member(&node)) nodes.push_back(node.id);
  }
  return nodes;
}

}  // namespace

LeaderSeat::LeaderSeat(Member& member, VoterSeat& voter) : member_(member), voter_(voter) {}

LeaderSeat::~LeaderSeat() = default;

bool LeaderSeat::holds_lease() const { return lease_ && member_.scheduler().now() < lease_->until(); }

void LeaderSeat::take(ClusterMapPtr map, Duration wait) {
  DHT_ASSERT(map->leader == member_.id());
  ++reign_;
  const Instant now = member_.scheduler().now();
  const LeaderOptions options{.lease = member_.lease(),
                              .max_moves_per_node = member_.options().max_moves_per_node,
                              .return_patience = member_.options().return_patience};
  taken_at_ = now;
  is_looking_ = false;
  lease_.emplace(options.lease);
  leader_.emplace(member_.id(), map, options, now, wait);
  leader_->set_closed(closed_);
  member_.note_leader_heard(map->cluster);
  renew();
  LeaderEffects effects;
  leader_->on_acknowledged(member_.id(), map->revision, now, effects);
  carry_out(std::move(effects));
}

void LeaderSeat::vacate() {
  if (!leader_) return;
  LeaderEffects effects;
  leader_->stop(effects);
  carry_out(std::move(effects));
  leader_.reset();
  lease_.reset();
  map_writer_.forget();
}

void LeaderSeat::learn(ClusterMapPtr map) {
  if (!leader_ || map->revision <= leader_->map()->revision) return;
  LeaderEffects effects;
  leader_->on_chosen(std::move(map), member_.scheduler().now(), effects);
  carry_out(std::move(effects));
}

void LeaderSeat::set_closed(bool closed) {
  closed_ = closed || closed_for_good_;
  if (leader_) leader_->set_closed(closed_);
}

void LeaderSeat::close_for_good() {
  closed_for_good_ = true;
  set_closed(true);
}

void LeaderSeat::on_call(wire::Call call, Answerer answer) {
  if (!leader_) {
    wire::Answer later = refusal_for_now(Errc::not_applied, "this node does not lead its cluster");
    later.map = member_.map();
    return answer(std::move(later));
  }
  if (!is_for_leader(call.kind)) {
    return answer(refusal(Errc::invalid_argument, "this call is not one that a leader answers"));
  }
  const bool goes = call.kind == wire::CallKind::leave || call.kind == wire::CallKind::step_aside;
  if (goes && call.node.id == member_.id()) {
    return answer(refusal(Errc::conflict, "the leader cannot leave before another one leads"));
  }
  if (call.kind == wire::CallKind::join) answer = logged(call.node, std::move(answer));
  const Ticket ticket = ++last_ticket_;
  waiting_.emplace(ticket, std::move(answer));
  LeaderEffects effects;
  dispatch(call, ticket, effects);
  carry_out(std::move(effects));
}

void LeaderSeat::dispatch(const wire::Call& call, Ticket ticket, LeaderEffects& effects) {
  const Instant now = member_.scheduler().now();
  switch (call.kind) {
    case wire::CallKind::join:
      return leader_->on_join(ticket, call, member_.scheduler().wall_ms(), now, effects);
    case wire::CallKind::activate:
      return leader_->on_activate(ticket, call.node.id, now, effects);
    case wire::CallKind::settle:
      return leader_->on_settle(ticket, call.node.id, now, effects);
    case wire::CallKind::abandon:
      return leader_->on_abandon(ticket, call.node.id, now, effects);
    case wire::CallKind::leave:
      return leader_->on_leave(ticket, call.node.id, now, effects);
    case wire::CallKind::heartbeat:
      return leader_->on_heartbeat(ticket, call, now, effects);
    case wire::CallKind::forget:
      return leader_->on_forget(ticket, call, now, effects);
    case wire::CallKind::step_aside:
      return leader_->on_step_aside(ticket, call.node.id, now, effects);
    default:
      break;
  }
}

LeaderSeat::Answerer LeaderSeat::logged(const NodeRecord& joiner, Answerer answer) {
  return [this, joiner, answer = std::move(answer)](wire::Answer given) mutable {
    if (given.error && !given.try_later) {
      member_.log(LogLevel::info, fmt::format("refused to let {} at {} join: {}", joiner.name,
                                              to_string(joiner.address), given.message));
    }
    answer(std::move(given));
  };
}

void LeaderSeat::on_tick() {
  if (!leader_) return;
  if (holds_lease()) member_.note_leader_heard(leader_->map()->cluster);
  LeaderEffects effects;
  leader_->on_tick(member_.scheduler().now(), effects);
  carry_out(std::move(effects));
  refresh_view();
}

void LeaderSeat::carry_out(LeaderEffects effects) {
  if (effects.propose) propose(std::move(effects.propose));
  if (leader_) push(leader_->map(), effects.push);
  for (const LeaderEffects::Order& order : effects.orders)
    this->order(order);
  for (LeaderEffects::Reply& reply : effects.replies)
    this->reply(std::move(reply));
  if (leader_) arm();
}

void LeaderSeat::arm() {
  const Instant now = member_.scheduler().now();
  const std::optional<Instant> at = leader_->look_again_at();
  if (!at || *at <= now || (looks_again_at_ && *looks_again_at_ <= *at)) return;
  looks_again_at_ = at;
  member_.later(*at - now, [this, at] {
    if (looks_again_at_ != at) return;  // it was to be earlier
    looks_again_at_.reset();
    on_tick();
  });
}

void LeaderSeat::propose(ClusterMapPtr map) {
  voter_.maps().compare_and_set(map->revision - 1, map,
                                [this, map, reign = reign_](std::error_code error, const ClusterMapPtr& newest) {
                                  if (leader_ && reign == reign_) on_proposed(map, error, newest);
                                });
}

void LeaderSeat::on_proposed(const ClusterMapPtr& map, std::error_code error, const ClusterMapPtr& newest) {
  if (error == Errc::stopped) return;
  // What the change says of a node holds for the leader until it is known whether it was made.
  if (error == Errc::outcome_unknown) return find_out(map);
  if (error) return refuse(newest);
  const Instant now = member_.scheduler().now();
  LeaderEffects effects;
  leader_->on_chosen(map, now, effects);
  member_.adopt(map);
  if (!leader_) return;  // another one leads by this map
  leader_->on_acknowledged(member_.id(), map->revision, now, effects);
  carry_out(std::move(effects));
}

void LeaderSeat::find_out(const ClusterMapPtr& map) {
  voter_.maps().read([this, map, reign = reign_](std::error_code error, const ClusterMapPtr& newest) {
    if (!leader_ || reign != reign_ || error == Errc::stopped) return;
    if (error) {
      return member_.later(member_.jittered(kTryAgain), [this, map, reign] {
        if (leader_ && reign == reign_) find_out(map);
      });
    }
    *newest == *map ? on_proposed(map, {}, newest) : refuse(newest);
  });
}

/// The change was not made, or another followed it. `newest` may be null.
void LeaderSeat::refuse(const ClusterMapPtr& newest) {
  LeaderEffects effects;
  leader_->on_refused(newest ? newest : leader_->map(), member_.scheduler().now(), effects);
  carry_out(std::move(effects));
  if (newest) member_.adopt(newest);
}

void LeaderSeat::push(const ClusterMapPtr& map, const std::vector<NodeId>& nodes) {
  for (const NodeId node : nodes) {
    wire::Call call = member_.make_call(wire::CallKind::push_map);
    call.map = map;
    member_.calls().call(
        member_.peer_of(*map, node), std::move(call), map_writer_, member_.options().step_timeout,
        [this, node, revision = map->revision, reign = reign_](std::error_code error, const wire::Answer& answer) {
          if (error || answer.error || !leader_ || reign != reign_) return;
          LeaderEffects effects;
          leader_->on_acknowledged(node, revision, member_.scheduler().now(), effects);
          carry_out(std::move(effects));
        });
  }
}

void LeaderSeat::order(const LeaderEffects::Order& order) {
  if (order.primary == member_.id()) {
    for (const wire::HandOverOrder& one : order.hand_overs)
      member_.client().on_hand_over(one.partition, one.epoch);
    return;
  }
  wire::Call call = member_.make_call(wire::CallKind::hand_over);
  call.hand_overs = order.hand_overs;
  // Repeated by the leader's logic until the primary has reported it, so the answer says nothing new.
  member_.calls().call(member_.peer_of(*leader_->map(), order.primary), std::move(call), member_.options().step_timeout,
                       [](std::error_code, const wire::Answer&) {});
}

void LeaderSeat::reply(LeaderEffects::Reply reply) {
  const auto found = waiting_.find(reply.ticket);
  DHT_ASSERT(found != waiting_.end());
  Answerer answer = std::move(found->second);
  waiting_.erase(found);
  answer(std::move(reply.answer));
}

void LeaderSeat::hand_over(StatusHandler done) {
  // Another one leads already, of which this node may only be about to hear.
  if (!leader_ || leader_->map()->leader != member_.id()) return done({});
  const Instant now = member_.scheduler().now();
  // Those who want to leave, too, say so to a new leader first, and go first: else each would hand on to the next.
  if (now - taken_at_ < member_.lease()) {
    return member_.later(kTryAgain, [this, done = std::move(done)]() mutable { hand_over(std::move(done)); });
  }
  if (leader_->has_leaves(now)) {
    return keep_leading({Errc::conflict, "other members are leaving and go first"}, std::move(done));
  }
  leader_->resign();
  if (now - member_.leader_heard(leader_->map()->cluster) > member_.options().step_timeout) {
    return keep_leading({Errc::not_applied, "the leader does not reach a majority of the voters; nothing was changed"},
                        std::move(done));
  }
  // A change of voters is completed first: the next leader must be one of those that it ends with.
  if (leader_->is_proposing() || !leader_->map()->next_voters.empty()) {
    return member_.later(kTryAgain, [this, done = std::move(done)]() mutable { hand_over(std::move(done)); });
  }
  const std::vector<NodeId> successors = leader_->successors(now);
  if (successors.empty()) {
    return keep_leading({Errc::conflict, "no other member can take the leadership over; nothing was changed"},
                        std::move(done));
  }
  MapChange change(*leader_->map());
  change.set_leader(successors.front());
  propose_successor(std::make_shared<const ClusterMap>(std::move(change).finish()), std::move(done));
}

void LeaderSeat::keep_leading(Status reason, StatusHandler done) {
  LeaderEffects effects;
  leader_->resume(member_.scheduler().now(), effects);
  carry_out(std::move(effects));
  done(std::move(reason));
}

void LeaderSeat::propose_successor(ClusterMapPtr map, StatusHandler done) {
  voter_.maps().compare_and_set(
      map->revision - 1, map,
      [this, map, done = std::move(done)](std::error_code error, const ClusterMapPtr& newest) mutable {
        if (error == Errc::stopped) return done({error, "the node is being stopped"});
        if (error) return hand_over_again(newest, std::move(done));
        member_.adopt(map);
        push(map, members_besides(*map, member_.id()));
        done({});
      });
}

/// Refused or unknown: the register tells what has become of it.
void LeaderSeat::hand_over_again(const ClusterMapPtr& newest, StatusHandler done) {
  if (newest) member_.adopt(newest);
  voter_.maps().read([this, done = std::move(done)](std::error_code error, const ClusterMapPtr& read) mutable {
    if (error == Errc::stopped) return done({error, "the node is being stopped"});
    if (read) member_.adopt(read);
    member_.later(member_.jittered(kTryAgain),
                  [this, done = std::move(done)]() mutable { hand_over(std::move(done)); });
  });
}

void LeaderSeat::renew() {
  if (!leader_) return;
  const ClusterMapPtr map = leader_->map();
  const std::uint64_t ask = lease_->ask(member_.scheduler().now());
  for (const NodeId voter : agreement::all_voters(*map)) {
    wire::Call call;
    call.kind = wire::CallKind::confirm;
    call.voter = {.cluster = map->cluster, .voter = voter, .generation = map->generation};
    auto on_answer = [this, ask, voter, reign = reign_](std::error_code error, const wire::Answer& answer) {
      if (leader_ && reign == reign_ && !error && answer.reply) on_confirmed(ask, voter, *answer.reply);
    };
    if (voter == member_.id()) {
      call.node.id = voter;
      voter_.on_call(call, true, [on_answer](const wire::Answer& answer) { on_answer({}, answer); });
    } else {
      voter_.ask(*map, voter, std::move(call), std::move(on_answer));
    }
  }
}

void LeaderSeat::on_confirmed(std::uint64_t ask, NodeId voter, const wire::VoterReply& reply) {
  const Instant before = lease_->until();
  lease_->on_reply(ask, voter, reply, *leader_->map());
  const bool has_accepted_more =
      reply.revision > leader_->map()->revision || reply.generation > leader_->map()->generation;
  if (!holds_lease() && has_accepted_more) return look_for_newest();
  if (lease_->until() == before) return;
  LeaderEffects effects;
  leader_->on_lease(lease_->until(), member_.scheduler().now(), effects);
  carry_out(std::move(effects));
}

/// Some voter has accepted another leader, or other voters, who must confirm this one, too, and are not asked. As few
/// may have done so as still confirm this leader by its own map: then nobody leads. To read is to make the newest map
/// chosen, and so to end that.
void LeaderSeat::look_for_newest() {
  if (std::exchange(is_looking_, true)) return;
  voter_.maps().read([this, reign = reign_](std::error_code, const ClusterMapPtr& newest) {
    if (!leader_ || reign != reign_) return;
    is_looking_ = false;
    if (newest) member_.adopt(newest);
  });
}

void LeaderSeat::refresh_view() {
  const Instant now = member_.scheduler().now();
  member_.set_view(make_view(leader_->members(now), leader_->operations(now)));
}

}  // namespace dht::cluster
