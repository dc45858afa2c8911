#include "cluster/leader_seat.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "base/assert.h"
#include "cluster/map_change.h"
#include "cluster/refusal.h"

namespace dht::cluster {
namespace {

constexpr Duration kOfferAgain = std::chrono::milliseconds(50);

bool is_for_leader(wire::CallKind kind) {
  using enum wire::CallKind;
  return kind == join || kind == activate || kind == settle || kind == abandon || kind == leave || kind == heartbeat;
}

LeaderOptions leader_options(const MemberOptions& options) {
  return {.silence_limit = options.silence_limit, .max_moves_per_node = options.max_moves_per_node};
}

}  // namespace

LeaderSeat::LeaderSeat(Member& member)
    : member_(member), register_(member.scheduler(), [&member](wire::Call call, Function<void(wire::Answer)> answered) {
        member.ask_leader(member.map(), std::move(call), member.options().step_timeout, std::move(answered));
      }) {}

LeaderSeat::~LeaderSeat() = default;

void LeaderSeat::take(ClusterMapPtr map) {
  DHT_ASSERT(map->leader == member_.id());
  register_.hold(map);
  const Instant now = member_.scheduler().now();
  leader_.emplace(member_.id(), map, leader_options(member_.options()), now);
  leader_->set_closed(closed_);
  member_.note_leader_heard(leader_->map()->cluster);
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
  if (register_.is_holder()) register_.release();
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
  if (call.kind == wire::CallKind::register_read || call.kind == wire::CallKind::register_compare_and_set) {
    return answer(register_.on_call(call));
  }
  if (!is_for_leader(call.kind)) {
    return answer(refusal(Errc::invalid_argument, "this call is not one that a leader answers"));
  }
  if (call.kind == wire::CallKind::join) answer = logged(call.node, std::move(answer));
  const Ticket ticket = ++last_ticket_;
  waiting_.emplace(ticket, std::move(answer));
  const Instant now = member_.scheduler().now();
  LeaderEffects effects;
  switch (call.kind) {
    case wire::CallKind::join:
      leader_->on_join(ticket, call, member_.scheduler().wall_ms(), now, effects);
      break;
    case wire::CallKind::activate:
      leader_->on_activate(ticket, call.node.id, now, effects);
      break;
    case wire::CallKind::settle:
      leader_->on_settle(ticket, call.node.id, now, effects);
      break;
    case wire::CallKind::abandon:
      leader_->on_abandon(ticket, call.node.id, now, effects);
      break;
    case wire::CallKind::leave:
      leader_->on_leave(ticket, call.node.id, now, effects);
      break;
    case wire::CallKind::heartbeat:
      leader_->on_heartbeat(ticket, call, now, effects);
      break;
    default:
      break;
  }
  carry_out(std::move(effects));
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
  member_.note_leader_heard(leader_->map()->cluster);
  LeaderEffects effects;
  leader_->on_tick(member_.scheduler().now(), effects);
  carry_out(std::move(effects));
  refresh_view();
}

void LeaderSeat::carry_out(LeaderEffects effects) {
  if (effects.propose) propose(std::move(effects.propose));
  if (leader_) push(effects.push);
  for (const LeaderEffects::Order& order : effects.orders)
    this->order(order);
  for (LeaderEffects::Reply& reply : effects.replies)
    this->reply(std::move(reply));
}

void LeaderSeat::propose(ClusterMapPtr map) {
  const Revision expected = map->revision - 1;
  register_.compare_and_set(expected, map, [this, map](std::error_code error, ClusterMapPtr newest) {
    if (!leader_) return;
    const Instant now = member_.scheduler().now();
    LeaderEffects effects;
    if (error) {
      leader_->on_refused(newest ? newest : leader_->map(), now, effects);
    } else {
      leader_->on_chosen(map, now, effects);
      member_.adopt(map);
      leader_->on_acknowledged(member_.id(), map->revision, now, effects);
    }
    carry_out(std::move(effects));
  });
}

void LeaderSeat::push(const std::vector<NodeId>& nodes) {
  const ClusterMapPtr map = leader_->map();
  for (const NodeId node : nodes) {
    wire::Call call = member_.make_call(wire::CallKind::push_map);
    call.map = map;
    member_.calls().call(Member::peer_of(*map, node), std::move(call), member_.options().step_timeout,
                         [this, node, revision = map->revision](std::error_code error, const wire::Answer& answer) {
                           if (error || answer.error || !leader_) return;
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
  member_.calls().call(Member::peer_of(*leader_->map(), order.primary), std::move(call), member_.options().step_timeout,
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
  DHT_ASSERT(leader_);
  leader_->resign();
  asked_.clear();
  offer_leadership(std::move(done));
}

void LeaderSeat::offer_leadership(StatusHandler done) {
  if (!leader_) return done({Errc::conflict, "the leadership has gone to another node meanwhile"});
  if (leader_->is_proposing()) {
    return member_.later(kOfferAgain, [this, done = std::move(done)]() mutable { offer_leadership(std::move(done)); });
  }
  const std::optional<NodeId> successor = next_candidate();
  if (!successor) {
    keep_leading();
    return done({Errc::conflict, "no other member can take the leadership over; nothing was changed"});
  }
  asked_.insert(*successor);
  MapChange change(*leader_->map());
  change.set_leader(*successor);
  send_offer(std::make_shared<const ClusterMap>(std::move(change).finish()), *successor, false, std::move(done));
}

std::optional<NodeId> LeaderSeat::next_candidate() const {
  for (const NodeId node : leader_->successors(member_.scheduler().now())) {
    if (!asked_.contains(node)) return node;
  }
  return std::nullopt;
}

void LeaderSeat::send_offer(ClusterMapPtr offered, NodeId successor, bool delivered_before, StatusHandler done) {
  wire::Call call = member_.make_call(wire::CallKind::take_leadership);
  call.map = offered;
  const Peer peer = Member::peer_of(*offered, successor);
  member_.calls().call(peer, std::move(call), member_.options().step_timeout,
                       [this, offered, successor, delivered_before, done = std::move(done)](
                           std::error_code error, wire::Answer answer) mutable {
                         on_offer_answered(offered, successor, error, std::move(answer), delivered_before,
                                           std::move(done));
                       });
}

void LeaderSeat::on_offer_answered(ClusterMapPtr offered, NodeId successor, std::error_code error, wire::Answer answer,
                                   bool delivered_before, StatusHandler done) {
  if (error == Errc::stopped || !leader_) return done({Errc::stopped, "the node is being stopped"});
  if (answer.map) member_.adopt(answer.map);
  if (!error && !answer.error) member_.adopt(offered);
  if (member_.map()->generation >= offered->generation) {
    vacate();
    return done({});
  }
  const bool not_delivered = error == Errc::unreachable || error == Errc::incompatible || error == Errc::overloaded ||
                             error == Errc::too_large;
  if ((!error || not_delivered) && !delivered_before) return offer_leadership(std::move(done));
  // It may have taken the leadership, and may have handed it on since: there is no way back, only on.
  member_.ask_bystander(*offered, [this](const ClusterMapPtr& map) {
    if (map) member_.adopt(map);
  });
  member_.later(member_.jittered(kOfferAgain), [this, offered, successor, done = std::move(done)]() mutable {
    send_offer(offered, successor, true, std::move(done));
  });
}

void LeaderSeat::keep_leading() {
  LeaderEffects effects;
  leader_->resume(member_.scheduler().now(), effects);
  carry_out(std::move(effects));
}

wire::Answer LeaderSeat::on_take_leadership(const ClusterMapPtr& map, bool busy) {
  wire::Answer answer;
  const ClusterMapPtr own = member_.map();
  const bool taken_already = is_taken() && map && own->cluster == map->cluster && own->generation >= map->generation;
  if (!taken_already) {
    const bool fits = map && is_newer(*map, *own) && map->leader == member_.id() && !is_taken();
    if (!fits || busy) {
      answer = refusal(Errc::conflict, busy ? "the node is leaving itself" : "the offer does not fit the node's map");
      answer.map = own;
      return answer;
    }
    member_.adopt(map);
    take(map);
  }
  answer.map = member_.map();
  return answer;
}

void LeaderSeat::refresh_view() {
  const Instant now = member_.scheduler().now();
  member_.set_view(make_view(leader_->members(now), leader_->operations(now)));
}

}  // namespace dht::cluster
