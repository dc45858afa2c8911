// What a node's user wishes of the membership: to join, to leave, to forget a member, to recover.

#include <algorithm>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "cluster/cluster_membership_impl.h"
#include "cluster/solitude.h"

namespace dht::cluster {

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
    case Request::Kind::step_aside:
      return begin_stepping_aside(std::move(request));
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

void ClusterMembership::begin_stepping_aside(Request request) {
  if (!join_handlers_.empty() || !leave_handlers_.empty()) {
    return request.handler({Errc::conflict, "a join or leave of this node is under way; wait until that is done"});
  }
  aside_handlers_.push_back(std::move(request.handler));
  if (aside_handlers_.size() > 1) return;
  seat_.close_for_good();
  leaves_for_good_ = true;
  leave_.start_stepping_aside([this](const Status& status) {
    if (stopped_) return;
    if (status) {
      log_failure("handing over", status);
    } else {
      log_success("handed over: the other members go on with what they have, too");
    }
    finish(aside_handlers_, status);
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
                    "the entries of which it had a copy",
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

}  // namespace dht::cluster
