#include "cluster/cluster_membership.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <dht/error.h>

#include "cluster/contact.h"
#include "cluster/join_procedure.h"
#include "cluster/leader_seat.h"
#include "cluster/leave_procedure.h"
#include "cluster/refusal.h"
#include "cluster/solitude.h"
#include "cluster/voter_seat.h"
#include "lease/rules.h"
#include "wire/message_type.h"

namespace dht::cluster {
namespace {

/// What is repeated at every tick, such as orders to hand over, shall not wait for a long lease.
constexpr Duration kLongestTick = std::chrono::milliseconds(100);

class ClusterMembership final : public Membership {
 public:
  ClusterMembership(MemberOptions options, Scheduler& scheduler, Transport& transport)
      : member_(std::move(options), scheduler, transport),
        voter_(member_, [this](const ClusterMapPtr& map, Duration wait) { on_elected(map, wait); }),
        seat_(member_, voter_),
        contact_(member_, seat_, [this](const ClusterMapPtr& map) { learn_map(map); }),
        join_(seats()),
        leave_(seats()),
        alive_(std::make_shared<bool>(true)) {
    member_.set_ask_self(
        [this](wire::Call call, Member::AnswerHandler answer) { seat_.on_call(std::move(call), std::move(answer)); });
    member_.set_followers([this] { on_adopted(); }, [this] { on_forgotten(); });
  }

  void start(MembershipClient& client) override {
    member_.set_client(client);
    on_strand([this] {
      seat_.take(member_.map(), member_.lease());
      tick();
      contact_.start();
    });
  }

  void stop() override;

  ClusterMapPtr map() const override { return member_.map(); }
  MembershipView view() const override { return member_.view(); }
  bool may_serve(Instant now) const override { return contact_.may_serve(now); }

  void report_soon() override {
    on_strand([this] { contact_.send_soon(); });
  }

  void heard_of(ClusterId cluster, Revision revision) override {
    on_strand([this, cluster, revision] {
      for (const ClusterMapPtr& known : {member_.map(), member_.target()}) {
        if (known && known->cluster == cluster && revision > known->revision) return contact_.send_soon();
      }
    });
  }

  void join(std::vector<PeerName> peers, JoinGoal goal, StatusHandler handler) override {
    request({.kind = Request::Kind::join, .peers = std::move(peers), .goal = goal, .handler = std::move(handler)});
  }
  void leave(StatusHandler handler) override { request({.kind = Request::Kind::leave, .handler = std::move(handler)}); }
  void leave_for_good(StatusHandler handler) override {
    request({.kind = Request::Kind::leave_for_good, .handler = std::move(handler)});
  }
  void forget(std::string name, StatusHandler handler) override {
    request({.kind = Request::Kind::forget, .name = std::move(name), .handler = std::move(handler)});
  }
  void recover(StatusHandler handler) override {
    request({.kind = Request::Kind::recover, .handler = std::move(handler)});
  }

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

  Seats seats() { return {member_, voter_, seat_, contact_}; }

  static void finish(std::vector<StatusHandler>& handlers, const Status& status) {
    for (StatusHandler& handler : std::exchange(handlers, {}))
      handler(status);
  }

  /// A wish that has not been looked at yet.
  struct Request {
    enum class Kind { join, leave, leave_for_good, forget, recover };
    Kind kind = Kind::join;
    std::vector<PeerName> peers{};
    JoinGoal goal = JoinGoal::one_peer;
    std::string name{};
    StatusHandler handler{};
  };
  struct Forget {
    std::string name{};
    std::vector<StatusHandler> handlers{};
  };
  void request(Request request);
  std::vector<Request> take_requests();
  void begin_requests();
  void begin(Request request);
  void begin_join(Request request);
  void begin_leave(Request request);
  void begin_forget(Request request);
  void forget_next();
  void begin_recovery(Request request);

  void log_success(std::string_view line);
  /// Once for each reason: callers may try for as long as it takes.
  void log_failure(std::string_view what, const Status& status);
  bool is_leaving() const { return !leave_handlers_.empty(); }
  /// It belongs to a cluster of its own already, and is copying what it keeps.
  bool is_founding() const { return is_forgotten_ || !recovery_handlers_.empty(); }

  void tick();
  void learn_map(const ClusterMapPtr& map);
  void on_adopted();
  void on_elected(const ClusterMapPtr& map, Duration wait);
  void on_forgotten();
  void answer_call(const LinkInfo& from, wire::Call call, LeaderSeat::Answerer answer);
  wire::Answer greet() const;
  wire::Answer on_push(const wire::Call& call);

  Member member_;
  VoterSeat voter_;
  LeaderSeat seat_;
  Contact contact_;
  JoinProcedure join_;
  LeaveProcedure leave_;
  bool stopped_ = false;
  bool leaves_for_good_ = false;  ///< no join begins any more
  bool is_forgotten_ = false;     ///< and is about to stand alone
  std::mutex requests_mutex_;
  std::vector<Request> requests_;
  std::vector<PeerName> joining_peers_;
  JoinGoal joining_goal_ = JoinGoal::one_peer;
  std::vector<StatusHandler> join_handlers_;
  std::vector<StatusHandler> leave_handlers_;
  std::vector<StatusHandler> recovery_handlers_;
  std::deque<Forget> forgets_;  ///< the first is under way
  std::string logged_failure_;
  std::unique_ptr<Scheduler::Timer> tick_timer_;
  std::shared_ptr<bool> alive_;  ///< seen by tasks that are still waiting when this object is gone
};

void ClusterMembership::stop() {
  alive_.reset();
  const Status stopped{Errc::stopped, "the node is being stopped"};
  stopped_ = true;
  for (auto* handlers : {&join_handlers_, &leave_handlers_, &recovery_handlers_})
    finish(*handlers, stopped);
  for (Forget& forget : std::exchange(forgets_, {}))
    finish(forget.handlers, stopped);
  for (Request& request : take_requests())
    request.handler(stopped);
  member_.stop();
  contact_.stop();
  tick_timer_.reset();
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
  } else {
    seat_.take(map, member_.lease());
  }
  contact_.follow(*map);
}

void ClusterMembership::on_elected(const ClusterMapPtr& map, Duration wait) {
  // It may have come by way of others before, and with it the seat, or a map of later yet by which another one leads.
  if (!is_newer(*map, *member_.map())) return;
  seat_.take(map, wait);
  member_.adopt(map);
}

void ClusterMembership::on_forgotten() {
  if (is_forgotten_) return;
  is_forgotten_ = true;
  member_.later({}, [this] {
    member_.log(
        LogLevel::error,
        "this node was forgotten by its cluster while it was silent: it stands alone from now on, with a copy of "
        "what it held");
    stand_alone(seats(), Kept::copies, [this](const Status&) {
      is_forgotten_ = false;
      begin_requests();
    });
  });
}

void ClusterMembership::request(Request request) {
  // Kept here and not in the task, so that `stop` finds the handler whether or not the task has run.
  {
    std::lock_guard lock(requests_mutex_);
    requests_.push_back(std::move(request));
  }
  on_strand([this] { begin_requests(); });
}

void ClusterMembership::begin_requests() {
  for (Request& next : take_requests())
    begin(std::move(next));
}

std::vector<ClusterMembership::Request> ClusterMembership::take_requests() {
  std::lock_guard lock(requests_mutex_);
  return std::exchange(requests_, {});
}

void ClusterMembership::begin(Request request) {
  if (is_founding() && request.kind != Request::Kind::recover) {
    std::lock_guard lock(requests_mutex_);
    return requests_.push_back(std::move(request));
  }
  switch (request.kind) {
    case Request::Kind::join:
      return begin_join(std::move(request));
    case Request::Kind::leave:
    case Request::Kind::leave_for_good:
      return begin_leave(std::move(request));
    case Request::Kind::forget:
      return begin_forget(std::move(request));
    case Request::Kind::recover:
      return begin_recovery(std::move(request));
  }
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
  if (request.kind == Request::Kind::leave_for_good) {
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

/// The leader keeps one forgetting for each caller in mind, so they are asked for one after the other.
void ClusterMembership::begin_forget(Request request) {
  const auto same =
      std::find_if(forgets_.begin(), forgets_.end(), [&](const Forget& forget) { return forget.name == request.name; });
  if (same != forgets_.end()) return same->handlers.push_back(std::move(request.handler));
  forgets_.push_back({.name = std::move(request.name)});
  forgets_.back().handlers.push_back(std::move(request.handler));
  if (forgets_.size() == 1) forget_next();
}

void ClusterMembership::forget_next() {
  wire::Call call = member_.make_call(wire::CallKind::forget);
  call.name = forgets_.front().name;
  member_.ask_leader(member_.map(), std::move(call), member_.options().step_timeout,
                     [this](const wire::Answer& answer) {
                       if (forgets_.empty()) return;  // stopped
                       if (answer.map) member_.adopt(answer.map);
                       Forget forget = std::move(forgets_.front());
                       forgets_.pop_front();
                       if (!forgets_.empty()) forget_next();
                       if (answer.error) return finish(forget.handlers, {*answer.error, answer.message});
                       member_.log(LogLevel::warning, fmt::format("forgot {}, and what it alone held", forget.name));
                       finish(forget.handlers, {});
                     });
}

void ClusterMembership::begin_recovery(Request request) {
  if (!join_handlers_.empty() || is_leaving() || is_forgotten_) {
    return request.handler(
        {Errc::conflict, "a join or leave is under way; nothing was changed. Wait until it has ended"});
  }
  if (may_serve(member_.scheduler().now())) {
    return request.handler(
        {Errc::conflict,
         "this node holds a lease, so a majority of the voters lives; nothing was changed. To give up "
         "members that are down, forget them"});
  }
  recovery_handlers_.push_back(std::move(request.handler));
  if (recovery_handlers_.size() > 1) return;
  const std::size_t members = member_.map()->nodes.size();
  stand_alone(seats(), Kept::entries, [this, members](const Status& status) {
    member_.log(
        LogLevel::warning,
        fmt::format("recovered by force: this node has given up its cluster of {} members and stands alone, with "
                    "the entries that it was primary for",
                    members));
    finish(recovery_handlers_, status);
    begin_requests();
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
  if (call.kind == hello) return answer(greet());
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
    case prepare:
    case accept:
    case confirm:
      return answer(voter_.on_call(call, seat_.holds_lease()));
    default:
      return seat_.on_call(std::move(call), std::move(answer));
  }
}

wire::Answer ClusterMembership::greet() const {
  wire::Answer greeting;
  greeting.map = member_.map();
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

}  // namespace

std::unique_ptr<Membership> make_cluster_membership(MemberOptions options, Scheduler& scheduler, Transport& transport) {
  return std::make_unique<ClusterMembership>(std::move(options), scheduler, transport);
}

}  // namespace dht::cluster
