#include "cluster/cluster_membership.h"

#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <dht/error.h>

#include "cluster/join_procedure.h"
#include "cluster/leader_seat.h"
#include "cluster/leave_procedure.h"
#include "cluster/refusal.h"
#include "wire/message_type.h"

namespace dht::cluster {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(50);
/// Facts that come together go to the leader together.
constexpr Duration kHeartbeatSpacing = std::chrono::milliseconds(1);

class ClusterMembership final : public Membership {
 public:
  ClusterMembership(MemberOptions options, Scheduler& scheduler, Transport& transport)
      : member_(std::move(options), scheduler, transport),
        seat_(member_),
        join_(member_, seat_),
        leave_(member_, seat_),
        alive_(std::make_shared<bool>(true)) {
    member_.set_ask_self(
        [this](wire::Call call, Member::AnswerHandler answer) { seat_.on_call(std::move(call), std::move(answer)); });
  }

  void start(MembershipClient& client) override {
    member_.set_client(client);
    on_strand([this] {
      seat_.take(member_.map());
      tick();
      heartbeat();
    });
  }

  void stop() override {
    alive_.reset();
    const Status stopped{Errc::stopped, "the node is being stopped"};
    stopped_ = true;
    for (auto* handlers : {&join_handlers_, &leave_handlers_})
      finish(*handlers, stopped);
    for (Request& request : take_requests())
      request.handler(stopped);
    member_.stop();
    tick_timer_.reset();
    heartbeat_timer_.reset();
  }

  ClusterMapPtr map() const override { return member_.map(); }
  MembershipView view() const override { return member_.view(); }
  bool may_serve(Instant) const override { return true; }

  void report_soon() override {
    on_strand([this] { send_heartbeat_soon(); });
  }

  void heard_of(ClusterId cluster, Revision revision) override {
    on_strand([this, cluster, revision] {
      for (const ClusterMapPtr& known : {member_.map(), member_.target()}) {
        if (known && known->cluster == cluster && revision > known->revision) return send_heartbeat_soon();
      }
    });
  }

  void join(std::vector<PeerName> peers, JoinGoal goal, StatusHandler handler) override;
  void leave(StatusHandler handler) override;
  void leave_for_good(StatusHandler handler) override;

  void on_request(const LinkInfo& from, std::uint16_t type, std::string payload) override;
  void on_reply(const Peer&, std::uint16_t type, std::string payload) override {
    if (type == static_cast<std::uint16_t>(wire::MessageType::answer)) member_.calls().on_answer(payload);
  }
  void on_broken(const Peer&, ConnectionId connection, std::error_code reason) override {
    member_.calls().on_broken(connection, reason);
  }

 private:
  void on_strand(Function<void()> task) {
    member_.scheduler().post([alive = std::weak_ptr(alive_), task = std::move(task)]() mutable {
      if (alive.lock()) task();
    });
  }

  static void finish(std::vector<StatusHandler>& handlers, const Status& status) {
    for (StatusHandler& handler : std::exchange(handlers, {}))
      handler(status);
  }

  /// A join or leave that has not begun.
  struct Request {
    bool is_leave = false;
    bool for_good = false;
    std::vector<PeerName> peers{};
    JoinGoal goal = JoinGoal::one_peer;
    StatusHandler handler{};
  };
  void request(Request request);
  std::vector<Request> take_requests();
  void begin_join(Request request);
  void begin_leave(Request request);

  void log_success(std::string_view line);
  /// Once for each reason: callers may try for as long as it takes.
  void log_failure(std::string_view what, const Status& status);
  bool is_leaving() const { return !leave_handlers_.empty(); }

  void tick();
  void heartbeat();
  void send_heartbeat();
  void send_heartbeat_soon();
  void on_heartbeat_answered(const ClusterMapPtr& asked, std::error_code error, const wire::Answer& answer);
  void learn_map(const ClusterMapPtr& map);
  void answer_call(const LinkInfo& from, wire::Call call, LeaderSeat::Answerer answer);
  wire::Answer on_push(const wire::Call& call);

  Member member_;
  LeaderSeat seat_;
  JoinProcedure join_;
  LeaveProcedure leave_;
  bool stopped_ = false;
  bool leaves_for_good_ = false;  ///< no join begins any more
  bool heartbeat_due_ = false;
  std::mutex requests_mutex_;
  std::vector<Request> requests_;
  std::vector<PeerName> joining_peers_;
  JoinGoal joining_goal_ = JoinGoal::one_peer;
  std::vector<StatusHandler> join_handlers_;
  std::vector<StatusHandler> leave_handlers_;
  std::string logged_failure_;
  std::unique_ptr<Scheduler::Timer> tick_timer_;
  std::unique_ptr<Scheduler::Timer> heartbeat_timer_;
  std::shared_ptr<bool> alive_;  ///< seen by tasks that are still waiting when this object is gone
};

void ClusterMembership::tick() {
  seat_.on_tick();
  tick_timer_ = member_.scheduler().call_later(kTick, [this] { tick(); });
}

void ClusterMembership::heartbeat() {
  send_heartbeat();
  heartbeat_timer_ = member_.scheduler().call_later(member_.options().heartbeat_interval, [this] { heartbeat(); });
}

void ClusterMembership::send_heartbeat_soon() {
  if (heartbeat_due_) return;
  heartbeat_due_ = true;
  member_.later(kHeartbeatSpacing, [this] {
    heartbeat_due_ = false;
    send_heartbeat();
  });
}

void ClusterMembership::send_heartbeat() {
  const auto send = [this](const ClusterMapPtr& map, NodeReport report) {
    wire::Call call = member_.make_call(wire::CallKind::heartbeat);
    call.revision = map->revision;
    call.report = std::move(report);
    if (map->leader == member_.id()) {
      return seat_.on_call(std::move(call), [](const wire::Answer&) {});
    }
    member_.calls().call(
        Member::peer_of(*map, map->leader), std::move(call), member_.options().silence_limit,
        [this, map](std::error_code error, const wire::Answer& answer) { on_heartbeat_answered(map, error, answer); });
  };
  send(member_.map(), member_.client().report());
  // Once the target counts this node as a member it takes a heartbeat for the word of one, which this node is only when
  // it has switched: the answer to its call is on the way.
  const ClusterMapPtr target = member_.target();
  if (!target) return;
  const NodeRecord* self = target->find(member_.id());
  if (self != nullptr && self->state == NodeState::joining) send(target, {});
}

void ClusterMembership::on_heartbeat_answered(const ClusterMapPtr& asked, std::error_code error,
                                              const wire::Answer& answer) {
  if (!error && answer.map) learn_map(answer.map);
  if (error == Errc::stopped) return;
  if (!error && !answer.error) {
    member_.note_leader_heard(asked->cluster);
    if (asked->cluster == member_.map()->cluster) member_.set_view(make_view(answer.members, answer.operations));
    return;
  }
  const bool is_own = asked->cluster == member_.map()->cluster;
  if (is_own && member_.scheduler().now() - member_.leader_heard(asked->cluster) > member_.options().silence_limit) {
    MembershipView view = member_.view();
    view.in_contact = false;
    member_.set_view(std::move(view));
  }
  // The leadership may have gone to another node, of this node's cluster or of the one that it joins.
  const ClusterMapPtr map = is_own ? member_.map() : member_.target();
  if (!map || map->cluster != asked->cluster) return;
  member_.ask_bystander(*map, [this](const ClusterMapPtr& newest) {
    if (newest) learn_map(newest);
  });
}

void ClusterMembership::learn_map(const ClusterMapPtr& map) {
  member_.adopt(map);
  join_.on_target_map(map);
}

void ClusterMembership::join(std::vector<PeerName> peers, JoinGoal goal, StatusHandler handler) {
  request({.peers = std::move(peers), .goal = goal, .handler = std::move(handler)});
}

void ClusterMembership::leave(StatusHandler handler) { request({.is_leave = true, .handler = std::move(handler)}); }

void ClusterMembership::leave_for_good(StatusHandler handler) {
  request({.is_leave = true, .for_good = true, .handler = std::move(handler)});
}

void ClusterMembership::request(Request request) {
  // Kept here and not in the task, so that `stop` finds the handler whether or not the task has run.
  {
    std::lock_guard lock(requests_mutex_);
    requests_.push_back(std::move(request));
  }
  on_strand([this] {
    for (Request& next : take_requests())
      next.is_leave ? begin_leave(std::move(next)) : begin_join(std::move(next));
  });
}

std::vector<ClusterMembership::Request> ClusterMembership::take_requests() {
  std::lock_guard lock(requests_mutex_);
  return std::exchange(requests_, {});
}

void ClusterMembership::begin_join(Request request) {
  if (leaves_for_good_) {
    return request.handler({Errc::stopped, "this node is about to end and joins no cluster any more"});
  }
  if (is_leaving()) {
    return request.handler({Errc::conflict, "this node is leaving its cluster; wait until that is done, then join"});
  }
  if (!join_handlers_.empty()) {
    if (request.peers != joining_peers_ || request.goal != joining_goal_) {
      return request.handler({Errc::conflict, "this node is joining a cluster already; wait until that is done"});
    }
    join_handlers_.push_back(std::move(request.handler));
    return;
  }
  joining_peers_ = request.peers;
  joining_goal_ = request.goal;
  join_handlers_.push_back(std::move(request.handler));
  join_.start(std::move(request.peers), request.goal, [this, from = member_.map()->cluster](const Status& status) {
    if (status.code == Errc::stopped && stopped_) return;
    if (status) {
      log_failure("join", status);
    } else if (member_.map()->cluster != from) {
      log_success(fmt::format("joined: {} members", member_.map()->nodes.size()));
    }
    finish(join_handlers_, status);
  });
}

void ClusterMembership::begin_leave(Request request) {
  if (request.for_good) {
    leaves_for_good_ = true;
    seat_.close_for_good();
  }
  if (!join_handlers_.empty()) {
    return request.handler({Errc::conflict, "this node is joining a cluster; wait until that is done, then leave"});
  }
  leave_handlers_.push_back(std::move(request.handler));
  if (leave_handlers_.size() > 1) return;
  seat_.set_closed(true);
  leave_.start([this, from = member_.map()->cluster](const Status& status) {
    if (stopped_) return;
    seat_.set_closed(false);
    if (status) {
      log_failure("leave", status);
    } else if (member_.map()->cluster != from) {
      log_success("left: this node stands alone and keeps a copy of its entries");
    }
    finish(leave_handlers_, status);
  });
}

void ClusterMembership::log_success(std::string_view line) {
  logged_failure_.clear();
  member_.log(LogLevel::info, line);
}

void ClusterMembership::log_failure(std::string_view what, const Status& status) {
  std::string line = fmt::format("{} failed: {}", what, status.message);
  if (line == logged_failure_) return;
  member_.log(LogLevel::warning, line);
  logged_failure_ = std::move(line);
}

void ClusterMembership::on_request(const LinkInfo& from, std::uint16_t type, std::string payload) {
  if (type != static_cast<std::uint16_t>(wire::MessageType::call)) return;
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
    wire::Answer greeting;
    greeting.map = member_.map();
    greeting.try_later = !join_handlers_.empty();
    return answer(std::move(greeting));
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
  switch (call.kind) {
    case push_map:
      return answer(on_push(call));
    case hand_over:
      for (const wire::HandOverOrder& order : call.hand_overs) {
        member_.client().on_hand_over(order.partition, order.epoch);
      }
      return answer({});
    case register_read:
    case register_compare_and_set:
      if (member_.map()->find(from.node) == nullptr) {
        return answer(refusal(Errc::conflict, "only members may see and change the register"));
      }
      return seat_.on_call(std::move(call), std::move(answer));
    case take_leadership:
      return answer(seat_.on_take_leadership(call.map, is_leaving() || !join_handlers_.empty()));
    default:
      return seat_.on_call(std::move(call), std::move(answer));
  }
}

wire::Answer ClusterMembership::on_push(const wire::Call& call) {
  if (!call.map || call.map->cluster != member_.map()->cluster) {
    return refusal(Errc::incompatible, "the node belongs to another cluster");
  }
  member_.adopt(call.map);
  return {};
}

}  // namespace

std::unique_ptr<Membership> make_cluster_membership(MemberOptions options, Scheduler& scheduler, Transport& transport) {
  return std::make_unique<ClusterMembership>(std::move(options), scheduler, transport);
}

}  // namespace dht::cluster
