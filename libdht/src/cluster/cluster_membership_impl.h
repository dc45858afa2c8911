// ClusterMembership: the membership of a node that may join others. It hands what comes to the seats, and what is
// wished for to the procedures, one at a time.
//
// Thread rule: as dht/membership.h; everything private on the strand.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <dht/membership.h>

#include "cluster/contact.h"
#include "cluster/join_procedure.h"
#include "cluster/leader_seat.h"
#include "cluster/leave_procedure.h"
#include "cluster/member.h"
#include "cluster/voter_seat.h"
#include "wire/message_type.h"

namespace dht::cluster {

class ClusterMembership final : public Membership {
 public:
  ClusterMembership(MemberOptions options, Scheduler& scheduler, Transport& transport)
      : member_(std::move(options), scheduler, transport),
        voter_(member_, [this](const ClusterMapPtr& map, Duration wait) { on_elected(map, wait); }),
        seat_(member_, voter_),
        contact_(
            member_, seat_, [this](const ClusterMapPtr& map) { learn_map(map); }, [this] { tick(); }),
        join_(seats()),
        leave_(seats()),
        alive_(std::make_shared<bool>(true)) {
    member_.set_ask_self(
        [this](wire::Call call, Member::AnswerHandler answer) { seat_.on_call(std::move(call), std::move(answer)); });
    member_.set_followers([this] { on_adopted(); }, [this] { on_forgotten(); });
  }

  void start(MembershipClient& client) override {
    member_.set_client(client);
    on_strand([this] { begin(); });
  }

  void stop() override;
  void fall_silent() override;

  ClusterMapPtr map() const override { return member_.map(); }
  MembershipView view() const override { return member_.view(); }
  bool may_serve(Instant now) const override { return contact_.may_serve(now); }

  void report_within(Duration time) override {
    on_strand([this, time] { contact_.send_within(time); });
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
  void step_aside(StatusHandler handler) override {
    request({.kind = Request::Kind::step_aside, .handler = std::move(handler)});
  }
  void forget(std::string name, StatusHandler handler) override {
    request({.kind = Request::Kind::forget, .name = std::move(name), .handler = std::move(handler)});
  }
  void recover(StatusHandler handler) override {
    request({.kind = Request::Kind::recover, .handler = std::move(handler)});
  }

  void on_request(const LinkInfo& from, std::uint16_t type, std::string payload) override;
  void on_reply(const Peer&, std::uint16_t type, std::string payload) override {
    if (!is_silent_ && type == static_cast<std::uint16_t>(wire::MessageType::answer))
      member_.calls().on_answer(payload);
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

  void begin();
  Seats seats() { return {member_, voter_, seat_, contact_}; }

  static void finish(std::vector<StatusHandler>& handlers, const Status& status) {
    for (StatusHandler& handler : std::exchange(handlers, {}))
      handler(status);
  }

  /// A wish that has not been looked at yet.
  struct Request {
    enum class Kind { join, leave, leave_for_good, step_aside, forget, recover };
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
  void begin_stepping_aside(Request request);
  void begin_forget(Request request);
  void forget_next();
  void begin_recovery(Request request);

  void log_success(std::string_view line);
  /// Once for each reason: callers may try for as long as it takes.
  void log_failure(std::string_view what, const Status& status);
  bool is_leaving() const { return !leave_handlers_.empty() || !aside_handlers_.empty(); }
  /// It belongs to a cluster of its own already, and is copying what it keeps.
  bool is_founding() const { return is_forgotten_ || !recovery_handlers_.empty(); }

  void tick();
  void learn_map(const ClusterMapPtr& map);
  void on_adopted();
  void lead(std::uint64_t generation);
  void on_elected(const ClusterMapPtr& map, Duration wait);
  void on_forgotten();
  /// `reason` is a constant.
  void go_alone(std::string_view reason);
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
  bool is_silent_ = false;
  bool leaves_for_good_ = false;  ///< no join begins any more
  bool is_forgotten_ = false;     ///< and is about to stand alone
  std::mutex requests_mutex_;
  std::vector<Request> requests_;
  std::vector<PeerName> joining_peers_;
  JoinGoal joining_goal_ = JoinGoal::one_peer;
  std::vector<StatusHandler> join_handlers_;
  std::vector<StatusHandler> leave_handlers_;
  std::vector<StatusHandler> aside_handlers_;
  std::vector<StatusHandler> recovery_handlers_;
  std::deque<Forget> forgets_;  ///< the first is under way
  std::string logged_failure_;
  std::unique_ptr<Scheduler::Timer> tick_timer_;
  std::shared_ptr<bool> alive_;  ///< seen by tasks that are still waiting when this object is gone
};

}  // namespace dht::cluster
