#include "cluster/cluster_membership.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "cluster/cluster_membership_impl.h"
#include "cluster/refusal.h"
#include "cluster/solitude.h"
#include "lease/rules.h"

namespace dht::cluster {
namespace {

/// What is repeated at every tick, such as orders to hand over, shall not wait for a long lease.
constexpr Duration kLongestTick = std::chrono::milliseconds(125);

}  // namespace

void ClusterMembership::stop() {
  alive_.reset();
  const Status stopped{Errc::stopped, "the node is being stopped"};
  stopped_ = true;
  for (auto* handlers : {&join_handlers_, &leave_handlers_, &aside_handlers_, &recovery_handlers_})
    finish(*handlers, stopped);
  for (Forget& forget : std::exchange(forgets_, {}))
    finish(forget.handlers, stopped);
  for (Request& request : take_requests())
    request.handler(stopped);
  member_.stop();
  contact_.stop();
  tick_timer_.reset();
}

void ClusterMembership::fall_silent() {
  is_silent_ = true;
  seat_.vacate();
  contact_.give_up();
  member_.stop();
  tick_timer_.reset();
}

void ClusterMembership::begin() {
  // Whoever was here before may have led; this one does when it has been elected.
  if (member_.has_past()) {
    member_.log(LogLevel::info, fmt::format("goes on with what is stored: {} members, as of revision {}",
                                            member_.map()->nodes.size(), member_.map()->revision));
    contact_.start();
    // No newer map will tell it: the process ended between the last map of a leave and the end of the leave.
    if (member_.map()->find(member_.id()) == nullptr) {
      go_alone(
          "this node ended when it had just left its cluster: it stands alone from now on, and what it held is with "
          "the others");
    }
    return;
  }
  const ClusterMapPtr map = member_.map();
  member_.keeper().keep({member_.id(), map, agreement::founder_of(map)});
  member_.keeper().when_durable([this, map] {
    seat_.take(map, member_.lease());
    contact_.start();
  });
}

void ClusterMembership::tick() {
  seat_.on_tick();
  voter_.on_tick();
  const Duration pause = std::min(kLongestTick, lease::tick_interval(member_.lease()));
  tick_timer_ = member_.scheduler().call_later(pause, [this] { tick(); });
}

void ClusterMembership::learn_map(const ClusterMapPtr& map) {
  member_.adopt(map);
  join_.on_target_map(map);
}

/// Whoever the newest map names leader leads.
void ClusterMembership::on_adopted() {
  const ClusterMapPtr map = member_.map();
  voter_.learn(map);
  if (map->leader != member_.id()) {
    seat_.vacate();
  } else if (seat_.is_taken()) {
    seat_.learn(map);
  } else if (!member_.has_outlived(*map)) {
    lead(map->generation);
  }
  contact_.follow(*map);
}

/// Another one has made this node leader. That it leads in this generation must not be forgotten before it does
/// anything: a restarted leader takes a new one.
void ClusterMembership::lead(std::uint64_t generation) {
  member_.keeper().when_durable([this, generation] {
    const ClusterMapPtr map = member_.map();
    const bool still_leads = map->leader == member_.id() && map->generation == generation;
    if (still_leads && !seat_.is_taken()) seat_.take(map, member_.lease());
  });
}

void ClusterMembership::on_elected(const ClusterMapPtr& map, Duration wait) {
  member_.keeper().keep_map(map);
  member_.keeper().when_durable([this, map, wait] {
    // It may have come by way of others before, and with it the seat, or a map of later yet by which another one leads.
    if (!is_newer(*map, *member_.map())) return;
    seat_.take(map, wait);
    member_.adopt(map);
  });
}

void ClusterMembership::on_forgotten() {
  go_alone(
      "this node was forgotten by its cluster while it was silent: it stands alone from now on, with a copy of what it "
      "held");
}

void ClusterMembership::go_alone(std::string_view reason) {
  if (is_forgotten_) return;
  is_forgotten_ = true;
  member_.later({}, [this, reason] {
    member_.log(LogLevel::error, reason);
    stand_alone(seats(), Kept::copies, [this](const Status&) {
      is_forgotten_ = false;
      begin_requests();
    });
  });
}

void ClusterMembership::on_request(const LinkInfo& from, std::uint16_t type, std::string payload) {
  if (is_silent_ || type != static_cast<std::uint16_t>(wire::MessageType::call)) return;
  auto call = wire::decode_call(payload);
  if (!call) {
    member_.log(LogLevel::warning, fmt::format("closed a connection of node {}: its control message makes no sense",
                                               to_string(from.node)));
    return member_.transport().close_link(from.link);
  }
  const std::uint64_t id = call->id;
  answer_call(from, std::move(*call), [this, link = from.link, id](wire::Answer answer) {
    answer.id = id;
    const std::string bytes = wire::encode(answer);
    static_cast<void>(member_.transport().reply(link, {static_cast<std::uint16_t>(wire::MessageType::answer), bytes}));
  });
}

void ClusterMembership::answer_call(const LinkInfo& from, wire::Call call, LeaderSeat::Answerer answer) {
  using enum wire::CallKind;
  if (!member_.options().is_reachable && (call.kind == hello || call.kind == wire::CallKind::join)) {
    return answer(
        refusal(Errc::conflict, "it was started without an address to advertise, and can be joined by nobody"));
  }
  if (call.kind == hello) {
    member_.note_address(call.node.id, call.node.address);
    return answer(greet());
  }
  // Whoever speaks for another node than the one that shook hands is no node of ours.
  if (call.node.id != from.node || from.node == member_.id()) {
    return answer(refusal(Errc::invalid_argument, "the call names another node than its connection"));
  }
  if (call.kind == wire::CallKind::join) {
    if (!join_.may_host(call.from)) {
      return answer(refusal_for_now(Errc::conflict, "the node is joining another cluster itself"));
    }
    return seat_.on_call(std::move(call), std::move(answer));
  }
  if (from.cluster != member_.map()->cluster) {
    return answer(refusal(Errc::incompatible, "the node belongs to another cluster"));
  }
  member_.note_address(call.node.id, call.node.address);
  switch (call.kind) {
    case push_map:
      return answer(on_push(call));
    case hand_over:
      for (const wire::HandOverOrder& order : call.hand_overs) {
        member_.client().on_hand_over(order.partition, order.epoch);
      }
      return answer({});
    case prepare:
    case accept:
      return voter_.on_call(call, seat_.holds_lease(), std::move(answer));
    case confirm:
      voter_.on_call(call, seat_.holds_lease(), std::move(answer));
      if (from.node == member_.map()->leader) contact_.keep_pace();
      return;
    default:
      return seat_.on_call(std::move(call), std::move(answer));
  }
}

wire::Answer ClusterMembership::greet() const {
  wire::Answer greeting;
  greeting.map = member_.map();
  greeting.who = member_.id();
  greeting.try_later = !join_handlers_.empty();
  return greeting;
}

wire::Answer ClusterMembership::on_push(const wire::Call& call) {
  if (!call.map || call.map->cluster != member_.map()->cluster) {
    return refusal(Errc::incompatible, "the node belongs to another cluster");
  }
  member_.adopt(call.map);
  return {};
}

std::unique_ptr<Membership> make_cluster_membership(MemberOptions options, Scheduler& scheduler, Transport& transport) {
  return std::make_unique<ClusterMembership>(std::move(options), scheduler, transport);
}

}  // namespace dht::cluster
