#include "cluster/join_procedure.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "cluster/refusal.h"

namespace dht::cluster {
namespace {

constexpr Duration kBackOff = std::chrono::milliseconds(100);

/// A refused connection may only have come a moment too early; a silent peer has had its time-out.
constexpr int kHelloRounds = 3;
constexpr Duration kHelloPatience = std::chrono::seconds(1);

constexpr std::string_view kKept = "This node serves its own table as before and lost nothing.";

}  // namespace

JoinProcedure::JoinProcedure(Seats seats)
    : seats_(seats), member_(seats.member), seat_(seats.leader), leave_(seats), search_(seats.member) {}

void JoinProcedure::start(std::vector<PeerName> peers, JoinGoal goal, StatusHandler done) {
  std::erase_if(peers, [this](const PeerName& peer) { return peer.address == member_.options().address; });
  if (peers.empty()) return done({});  // a list of only itself
  peers_ = std::move(peers);
  goal_ = goal;
  done_ = std::move(done);
  began_ = member_.scheduler().now();
  has_moved_ = false;
  hello_rounds_ = 0;
  say_hello();
}

void JoinProcedure::say_hello() {
  search_.start(peers_, goal_, [this](std::error_code error, const PeerSearch::Result& found) {
    if (error) return end({error, "the node is being stopped"});
    on_found(found);
  });
}

void JoinProcedure::on_found(const PeerSearch::Result& found) {
  if (!found.cluster && !found.home && !found.unreached.empty()) return nobody_answered(found.unreached);
  if (found.home && is_newer(*found.home, *member_.map()) && found.home->find(member_.id()) == nullptr) {
    member_.adopt(found.home);  // it was forgotten, and knows that now
    return try_again({});
  }
  if (!found.cluster) return end({});
  const ClusterMapPtr own = member_.map();
  if (is_elsewhere(*own, found)) {
    return end(
        {Errc::incompatible,
         fmt::format("what this node has stored belongs to cluster {}, of {} members, and all of the peers are in "
                     "cluster {}. {} Start it with a directory of that cluster or with an empty one, or let it "
                     "leave its own first.",
                     to_string(own->cluster), own->nodes.size(), to_string(found.cluster->cluster), kKept)});
  }
  if (has_moved_ || stays_with(*own, *found.cluster)) {
    return end({Errc::conflict, "some of the peers are in another cluster, and expected to join this node's"});
  }
  const bool hosting = std::any_of(own->nodes.begin(), own->nodes.end(),
                                   [](const NodeRecord& node) { return node.state == NodeState::joining; });
  // It was forgotten meanwhile, and is still copying what it keeps; or it was restarted, and is coming back.
  const bool is_alone = own->nodes.size() == 1;
  const bool is_founding = is_alone && !(seat_.is_taken() && member_.client().is_table_whole());
  // Where it is on its way into another cluster, perhaps this one, the way of the two together is known only then.
  if (hosting || is_founding || (own->nodes.size() > 1 && found.is_busy)) return try_again({});
  if (own->nodes.size() > 1) return leave_first();
  register_with(found.cluster);
}

/// A list that names nobody of the cluster that the node was restarted in was meant for another node's directory.
bool JoinProcedure::is_elsewhere(const ClusterMap& own, const PeerSearch::Result& found) const {
  const bool was_told_at_start = goal_ != JoinGoal::one_peer;
  const bool is_restarted = member_.has_past() && member_.options().past->map->cluster == own.cluster;
  return was_told_at_start && is_restarted && own.nodes.size() > 1 && !found.home && found.unreached.empty();
}

bool JoinProcedure::stays_with(const ClusterMap& own, const ClusterMap& other) const {
  return goal_ == JoinGoal::all_peers_patiently && own.nodes.size() > 1 && is_preferred(own, other);
}

void JoinProcedure::nobody_answered(const std::string& unreached) {
  if (++hello_rounds_ < kHelloRounds && member_.scheduler().now() - began_ < kHelloPatience) {
    return member_.later(member_.jittered(kBackOff), [this] { say_hello(); });
  }
  end({Errc::unreachable, fmt::format("none of the peers answered as a node of a cluster ({}). {} Check the addresses, "
                                      "and that a dhtd runs there.",
                                      unreached, kKept)});
}

void JoinProcedure::leave_first() {
  leave_.start([this](Status status) {
    if (status) {
      status.message = "the node could not leave its present cluster first: " + status.message;
      return end(std::move(status));
    }
    say_hello();
  });
}

void JoinProcedure::register_with(const ClusterMapPtr& target) {
  seat_.set_closed(true);
  wire::Call call = member_.make_call(wire::CallKind::join);
  call.from = member_.map()->cluster;
  call.partitions = member_.options().partitions;
  call.replicas = member_.options().replicas;
  call.lease_ms = member_.options().lease_ms;
  const Peer leader = member_.peer_of(*target, target->leader);
  member_.calls().call(Peer{.address = leader.address}, std::move(call), member_.options().step_timeout,
                       [this](std::error_code error, const wire::Answer& answer) {
                         if (error == Errc::stopped) return end({error, "the node is being stopped"});
                         on_registered(error ? leader_unreachable(error) : answer);
                       });
}

void JoinProcedure::on_registered(const wire::Answer& answer) {
  if (answer.error && answer.try_later) return try_again(answer);
  if (answer.error || !answer.map || answer.map->find(member_.id()) == nullptr) {
    return end({answer.error.value_or(Errc::not_applied), fmt::format("{}. {}", answer.message, kKept)});
  }
  member_.set_target(answer.map);
  member_.note_leader_heard(answer.map->cluster);
  if (member_.map()->nodes.size() > 1) return step_back();
  copy(answer.drop_copies);
}

void JoinProcedure::step_back() {
  // Another node has registered here just before this one closed: it goes first.
  abandon();
  member_.set_target(nullptr);
  try_again({});
}

void JoinProcedure::abandon() {
  member_.calls().call(member_.peer_of(*member_.target(), member_.target()->leader),
                       member_.make_call(wire::CallKind::abandon), member_.options().step_timeout,
                       [](std::error_code, const wire::Answer&) {});
}

void JoinProcedure::try_again(const wire::Answer& answer) {
  if (member_.scheduler().now() - began_ > member_.options().step_timeout) {
    return end({answer.error.value_or(Errc::conflict),
                fmt::format("the cluster could not take this node in time ({}). {} Try again later.",
                            answer.message.empty() ? "another node is joining this one" : answer.message, kKept)});
  }
  seat_.set_closed(false);
  // A random pause, so that two that stand in each other's way do not do so for ever.
  member_.later(member_.jittered(kBackOff), [this] { say_hello(); });
}

void JoinProcedure::copy(bool drop_copies) {
  member_.client().copy_into(member_.target(), drop_copies, [this](Status status) {
    if (status) return give_up(std::move(status));
    member_.client().finish_copy([this](Status finished) {
      if (finished) return give_up(std::move(finished));
      activate();
    });
  });
}

void JoinProcedure::on_target_map(const ClusterMapPtr& map) {
  if (!member_.target() || !is_newer(*map, *member_.target())) return;
  member_.set_target(map);
  member_.client().on_target_map(map);
}

bool JoinProcedure::may_host(ClusterId from) const {
  if (!done_) return true;
  if (member_.target()) return false;
  const ClusterMapPtr own = member_.map();
  return own->nodes.size() > 1 || own->cluster < from;
}

void JoinProcedure::activate() {
  member_.ask_leader(member_.target(), member_.make_call(wire::CallKind::activate), member_.options().step_timeout,
                     [this](const wire::Answer& answer) { on_activated(answer); });
}

void JoinProcedure::on_activated(const wire::Answer& answer) {
  if (answer.error == Errc::stopped) return end({Errc::stopped, "the node is being stopped"});
  if (answer.error || !answer.map) {
    return give_up({answer.error.value_or(Errc::not_applied),
                    fmt::format("the cluster did not make this node a full member ({})", answer.message)});
  }
  const ClusterMapPtr map = answer.map;
  seat_.vacate();
  // What the node had alone is dropped when it knows for good where it belongs.
  member_.keeper().keep({member_.id(), map, agreement::newcomer_to(*map)});
  member_.keeper().when_durable([this, map] { become_member(map); });
}

void JoinProcedure::become_member(const ClusterMapPtr& map) {
  member_.set_target(nullptr);
  has_moved_ = true;
  member_.become(map);
  seats_.voter.enter(map);
  seats_.contact.begin();
  member_.transport().set_identity({member_.id(), map->cluster, member_.options().address});
  member_.client().switch_to(map);
  settle();
}

void JoinProcedure::settle() {
  member_.ask_leader(member_.map(), member_.make_call(wire::CallKind::settle), member_.options().step_timeout,
                     [this](const wire::Answer& answer) {
                       if (!answer.error) return goal_ == JoinGoal::one_peer ? end({}) : say_hello();
                       end({*answer.error, fmt::format("this node is a member of the cluster, but whether the "
                                                       "partitions are even is not known ({})",
                                                       answer.message)});
                     });
}

void JoinProcedure::give_up(Status status) {
  if (status.code == Errc::stopped) return end(std::move(status));
  abandon();
  member_.client().abandon_join([this, status = std::move(status)]() mutable {
    member_.set_target(nullptr);
    status.message =
        fmt::format("{}. {} What was copied into the other cluster already stays there.", status.message, kKept);
    end(std::move(status));
  });
}

void JoinProcedure::end(Status status) {
  seat_.set_closed(false);
  std::exchange(done_, nullptr)(std::move(status));
}

}  // namespace dht::cluster
