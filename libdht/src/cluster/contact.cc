#include "cluster/contact.h"

#include <algorithm>
#include <utility>

#include <dht/error.h>

#include "lease/rules.h"

namespace dht::cluster {
namespace {

/// Facts that come together go to the leader together.
constexpr Duration kSpacing = std::chrono::milliseconds(1);

}  // namespace

// Nobody else is a member of the cluster that the node has just founded. Where it is to remember that, it has no lease
// before it does.
Contact::Contact(Member& member, LeaderSeat& seat, Function<void(const ClusterMapPtr&)> learn, Function<void()> on_beat)
    : member_(member),
      seat_(seat),
      learn_(std::move(learn)),
      on_beat_(std::move(on_beat)),
      lease_(member.keeper().is_durable()
                 ? lease::NodeLease()
                 : lease::NodeLease(lease::end_at_holder(member.scheduler().now(), member.lease()))),
      lease_until_ns_(lease_.until().since_start.count()) {}

Contact::~Contact() = default;

void Contact::start() { beat(); }

void Contact::begin() {
  lease_ = lease::NodeLease();
  logged_loss_ = false;
  publish(lease_.until());
}

void Contact::follow(const ClusterMap& map) {
  if (map.leader == leader_) return;
  leader_since_ = member_.scheduler().now();
  send_soon();
}

void Contact::stop() { timer_.reset(); }

void Contact::give_up() {
  stop();
  lease_ = lease::NodeLease();
  publish(lease_.until());
}

void Contact::keep_pace() {
  if (member_.scheduler().now() - last_beat_ >= lease::ask_interval(member_.lease()) / 2) beat();
}

void Contact::beat() {
  on_beat_();
  log_loss();
  seat_.renew();
  send();
  last_beat_ = member_.scheduler().now();
  // A voter's turn comes with the leader's question. A little later is soon enough for where that does not come; and so
  // much that turns which lie apart come together.
  const Duration interval = lease::ask_interval(member_.lease());
  const ClusterMapPtr map = member_.map();
  const bool is_asked = map->is_voter(member_.id()) && map->leader != member_.id();
  timer_ = member_.scheduler().call_later(is_asked ? interval + interval / 8 : interval, [this] { beat(); });
}

void Contact::log_loss() {
  const bool had_one = lease_.until() > Instant{Duration::min()};
  if (logged_loss_ || !had_one || may_serve(member_.scheduler().now())) return;
  logged_loss_ = true;
  member_.log(
      LogLevel::warning,
      "this node holds no lease any more: it hears from no leader that a majority of the voters confirms; until "
      "it does, requests are refused");
}

void Contact::on_lease_again() {
  if (std::exchange(logged_loss_, false)) member_.log(LogLevel::info, "this node holds a lease again");
  member_.client().on_lease();
}

void Contact::send_within(Duration time) {
  const Duration wait = std::max(time, kSpacing);
  const Instant at = member_.scheduler().now() + wait;
  if (due_ && *due_ <= at) return;
  due_ = at;
  member_.later(wait, [this, at] {
    if (due_ != at) return;  // another was due earlier
    due_.reset();
    send();
  });
}

void Contact::send() {
  send_own(member_.map());
  // Once the target counts this node as a member it takes a heartbeat for the word of one, which this node is only when
  // it has switched: the answer to its call is on the way.
  const ClusterMapPtr target = member_.target();
  if (!target) return;
  const NodeRecord* self = target->find(member_.id());
  if (self != nullptr && self->state == NodeState::joining) send_to_target(target);
}

wire::LeaseAsk Contact::ask_with(lease::NodeLease& lease) {
  wire::LeaseAsk ask = lease.ask(++last_ask_, member_.scheduler().now());
  ask.boot = member_.boot();
  return ask;
}

void Contact::send_own(const ClusterMapPtr& map) {
  wire::Call call = member_.make_call(wire::CallKind::heartbeat);
  call.revision = map->revision;
  call.report = member_.client().report();
  call.lease_ask = ask_with(lease_);
  leader_ = map->leader;
  auto on_word = [this, map](std::error_code error, const wire::Answer& answer) { on_answer(map, error, answer); };
  if (map->leader == member_.id()) {
    // A leader without a lease may have been replaced by one that it has not heard of.
    if (!seat_.holds_lease()) on_word(Errc::not_applied, {});
    return seat_.on_call(std::move(call), [on_word](const wire::Answer& answer) { on_word({}, answer); });
  }
  member_.calls().call(member_.peer_of(*map, map->leader), std::move(call), member_.lease(), std::move(on_word));
}

void Contact::send_to_target(const ClusterMapPtr& target) {
  if (target_ != target->cluster) {
    target_ = target->cluster;
    target_lease_ = lease::NodeLease();
  }
  wire::Call call = member_.make_call(wire::CallKind::heartbeat);
  call.revision = target->revision;
  call.lease_ask = ask_with(target_lease_);
  member_.calls().call(member_.peer_of(*target, target->leader), std::move(call), member_.lease(),
                       [this, target](std::error_code error, const wire::Answer& answer) {
                         if (!error && answer.grant && target->cluster == target_)
                           target_lease_.on_grant(*answer.grant);
                         on_answer(target, error, answer);
                       });
}

void Contact::on_answer(const ClusterMapPtr& asked, std::error_code error, const wire::Answer& answer) {
  if (error == Errc::stopped) return;
  const bool is_own = asked->cluster == member_.map()->cluster;
  if (!error && !answer.error) member_.note_leader_heard(asked->cluster);
  // Before the grant: a node that was down must not serve by the map that it had then.
  if (!error && answer.map) learn_(answer.map);
  if (!error && is_own) on_own_answer(answer);
  if (!error && !answer.error) return;
  // The leadership may have gone to another node, of this node's cluster or of the one that it joins.
  const ClusterMapPtr map = is_own ? member_.map() : member_.target();
  if (!map || map->cluster != asked->cluster) return;
  member_.ask_bystander(*map, [this](const ClusterMapPtr& newest) {
    if (newest) learn_(newest);
  });
}

void Contact::on_own_answer(const wire::Answer& answer) {
  if (!answer.error) {
    MembershipView view = make_view(answer.members, answer.operations);
    member_.client().on_view(view);
    member_.set_view(std::move(view));
  }
  if (!answer.grant) return;
  const Instant now = member_.scheduler().now();
  const bool had_ended = !may_serve(now);
  log_loss();
  lease_.on_grant(*answer.grant);
  publish(lease_.until());
  if (!had_ended) return;
  if (may_serve(now)) return on_lease_again();
  if (now - leader_since_ > member_.lease()) return;
  // A new leader grants nothing before the voters have confirmed it.
  member_.later(lease::ask_interval(member_.lease()) / 5, [this] { send_soon(); });
}

void Contact::publish(Instant until) { lease_until_ns_.store(until.since_start.count(), std::memory_order_release); }

}  // namespace dht::cluster
