// LeaderBench: a Leader on a table. The test plays everything around it by hand: time, the register, the nodes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "cluster/leader.h"
#include "lease/rules.h"
#include "maps.h"

namespace dht::testing {

using cluster::Leader;
using cluster::LeaderEffects;
using cluster::LeaderOptions;
using cluster::Ticket;
using std::chrono::milliseconds;

class LeaderBench {
 public:
  static constexpr std::uint64_t kWallMs = 1'767'225'600'000;
  static constexpr Duration kLease = milliseconds(1000);
  static constexpr Duration kMoment = milliseconds(50);

  explicit LeaderBench(ClusterMap map, std::uint32_t max_moves_per_node = 64)
      : leader(map.leader, std::make_shared<const ClusterMap>(map),
               LeaderOptions{.lease = kLease, .max_moves_per_node = max_moves_per_node}, now, kLease) {
    renew();
    for (const NodeRecord& node : map.nodes) {
      if (node.state != NodeState::joining) heartbeat(node.id.value);
    }
  }

  // The world of the leader.

  const ClusterMap& map() const { return *leader.map(); }
  const PartitionRecord& partition(PartitionId p) const { return map().partitions.at(p); }
  NodeState state(std::uint64_t node) const { return map().find(NodeId{node})->state; }
  bool lists(std::uint64_t node) const { return map().find(NodeId{node}) != nullptr; }

  /// The register chooses what is proposed; false where nothing is.
  bool choose() {
    if (!proposed) return false;
    ++changes;
    const ClusterMapPtr before = leader.map();
    act([&, map = std::exchange(proposed, nullptr)](auto& fx) { leader.on_chosen(map, now, fx); });
    if (!newcomers_know) return true;
    for (const NodeRecord& node : before->nodes) {
      const NodeRecord* after = map().find(node.id);
      if (node.state != NodeState::joining || after == nullptr || after->state != NodeState::active) continue;
      acknowledge(node.id.value);
    }
    return true;
  }
  /// Until nothing more is proposed, what the leader puts off for a moment included.
  void choose_all() {
    for (int i = 0; i < 40 && (choose() || pass_moment()); ++i) {
    }
    REQUIRE(proposed == nullptr);
  }
  bool pass_moment() {
    const std::optional<Instant> at = leader.look_again_at();
    if (!at || *at <= now || *at - now > kMoment) return false;
    now = *at;
    if (is_confirmed) renew();
    tick();
    return true;
  }
  void refuse(ClusterMapPtr newest) {
    proposed = nullptr;
    act([&](auto& fx) { leader.on_refused(newest, now, fx); });
  }

  /// The voters confirm the leader.
  void renew() {
    act([&](auto& fx) { leader.on_lease(lease::end_at_holder(now, kLease), now, fx); });
  }
  /// Time passes in small steps, with ticks, confirmations where `is_confirmed`, and heartbeats of the nodes of the map
  /// that are not silent.
  void pass(Duration duration) {
    for (const Instant end = now + duration; now < end;) {
      now = std::min(end, now + milliseconds(50));
      if (is_confirmed) renew();
      const ClusterMap before = map();
      for (const NodeRecord& node : before.nodes) {
        if (!is_silent(node.id.value)) heartbeat(node.id.value);
      }
      act([&](auto& fx) { leader.on_tick(now, fx); });
    }
  }
  void tick() {
    act([&](auto& fx) { leader.on_tick(now, fx); });
  }
  bool is_silent(std::uint64_t node) const { return std::count(silent.begin(), silent.end(), node) > 0; }
  /// The node falls silent, for so long that it is no longer alive: a member is called down, a joining node removed.
  void let_die(std::uint64_t node) {
    silent.push_back(node);
    const bool is_joining = lists(node) && state(node) == NodeState::joining;
    pass((is_joining ? lease::joining_patience(kLease) : kLease) + milliseconds(100));
    choose_all();
  }

  // Calls of nodes. Each gives its ticket.

  static wire::Call join_call(std::uint64_t node) {
    wire::Call call;
    call.kind = wire::CallKind::join;
    call.node = node_record(node);
    call.from = ClusterId{1000 + node};
    call.wall_ms = kWallMs;
    return call;
  }
  Ticket join(const wire::Call& call) {
    return ask([&](Ticket ticket, auto& fx) { leader.on_join(ticket, call, kWallMs, now, fx); });
  }
  Ticket join(std::uint64_t node) { return join(join_call(node)); }
  Ticket activate(std::uint64_t node) {
    return ask([&](Ticket ticket, auto& fx) { leader.on_activate(ticket, NodeId{node}, now, fx); });
  }
  Ticket settle(std::uint64_t node) {
    return ask([&](Ticket ticket, auto& fx) { leader.on_settle(ticket, NodeId{node}, now, fx); });
  }
  Ticket abandon(std::uint64_t node) {
    return ask([&](Ticket ticket, auto& fx) { leader.on_abandon(ticket, NodeId{node}, now, fx); });
  }
  Ticket leave(std::uint64_t node) {
    return ask([&](Ticket ticket, auto& fx) { leader.on_leave(ticket, NodeId{node}, now, fx); });
  }
  Ticket forget(std::uint64_t caller, std::string_view name) {
    wire::Call call;
    call.kind = wire::CallKind::forget;
    call.node.id = NodeId{caller};
    call.name = name;
    call.wall_ms = kWallMs;
    return ask([&](Ticket ticket, auto& fx) { leader.on_forget(ticket, call, now, fx); });
  }
  /// With the report that `reports` has for the node, and an ask for its lease that echoes the last grant which the
  /// node has heard; it does not count as an acknowledgement.
  Ticket heartbeat(std::uint64_t node) {
    wire::Call call;
    call.kind = wire::CallKind::heartbeat;
    call.node.id = NodeId{node};
    call.report = reports[node];
    call.lease_ask = {.number = ++asked_[node], .echo = heard_[node]};
    const Ticket ticket = heartbeat(call);
    const wire::LeaseGrant grant = answer(ticket).grant.value();
    CHECK(grant.number == call.lease_ask->number);
    if (std::count(deaf.begin(), deaf.end(), node) == 0) heard_[node] = grant.number;
    return ticket;
  }
  /// What a heartbeat of the node is granted now.
  Duration granted(std::uint64_t node) { return milliseconds(answer(heartbeat(node)).grant.value().length_ms); }
  Ticket heartbeat(const wire::Call& call) {
    return ask([&](Ticket ticket, auto& fx) { leader.on_heartbeat(ticket, call, now, fx); });
  }
  void acknowledge(std::uint64_t node) {
    act([&](auto& fx) { leader.on_acknowledged(NodeId{node}, map().revision, now, fx); });
  }
  void acknowledge_all() {
    const ClusterMap before = map();
    for (const NodeRecord& node : before.nodes) {
      if (node.state != NodeState::joining && !is_silent(node.id.value)) acknowledge(node.id.value);
    }
  }

  // What primaries report. Each report replaces the node's earlier one on the same partition.

  PartitionReport& report_of(PartitionId p) {
    auto& list = reports[partition(p).primary.value].partitions;
    const auto found =
        std::find_if(list.begin(), list.end(), [p](const auto& report) { return report.partition == p; });
    PartitionReport& report = found != list.end() ? *found : list.emplace_back();
    if (report.epoch != partition(p).epoch) report = {.partition = p, .epoch = partition(p).epoch};
    return report;
  }
  void report_level(PartitionId p) {
    report_of(p).level = partition(p).learners;
    heartbeat(partition(p).primary.value);
  }
  void report_stopped(PartitionId p) {
    report_of(p).stopped = true;
    heartbeat(partition(p).primary.value);
  }
  void report_lost(PartitionId p) {
    report_of(p).level.clear();
    report_of(p).lost = partition(p).learners;
    heartbeat(partition(p).primary.value);
  }
  /// Every move goes as it should until none is left.
  void run_moves() {
    for (int round = 0; round < 200; ++round) {
      choose_all();
      bool is_any = false;
      for (PartitionId p = 0; p < map().partitions.size(); ++p) {
        if (partition(p).learners.empty() || is_silent(partition(p).primary.value)) continue;
        is_any = true;
        report_of(p).level = partition(p).learners;
        report_of(p).stopped = true;
      }
      if (!is_any) return;
      const ClusterMap before = map();
      for (const NodeRecord& node : before.nodes) {
        if (node.state != NodeState::joining && !is_silent(node.id.value)) heartbeat(node.id.value);
      }
    }
    FAIL("the moves do not end");
  }
  /// A whole join without trouble.
  void join_fully(std::uint64_t node) {
    join(node);
    choose_all();
    activate(node);
    heartbeat(node);
    run_moves();
    acknowledge_all();
  }

  // Answers.

  bool is_answered(Ticket ticket) const { return answers.contains(ticket); }
  const wire::Answer& answer(Ticket ticket) const {
    REQUIRE(answers.contains(ticket));
    return answers.at(ticket);
  }
  bool is_ok(Ticket ticket) const { return is_answered(ticket) && !answer(ticket).error; }
  std::optional<Errc> error(Ticket ticket) const { return answer(ticket).error; }

  std::vector<std::uint64_t> shares() const {
    std::vector<std::uint64_t> result;
    for (const NodeRecord& node : map().nodes)
      result.push_back(cluster::primaries_of(map(), node.id));
    return result;
  }

  Instant now{std::chrono::seconds(100)};
  Leader leader;
  std::map<std::uint64_t, NodeReport> reports;
  std::vector<std::uint64_t> silent;
  std::vector<std::uint64_t> deaf;  ///< hear none of the answers to their heartbeats
  bool is_confirmed = true;         ///< the voters confirm the leader as time passes
  bool newcomers_know = true;       ///< a node that is activated acknowledges that at once
  ClusterMapPtr proposed;
  std::vector<NodeId> pushed;                           ///< since last cleared
  std::vector<std::pair<NodeId, PartitionId>> ordered;  ///< since last cleared
  std::map<Ticket, wire::Answer> answers;
  std::size_t changes = 0;

 private:
  template <typename Event>
  void act(Event event) {
    LeaderEffects effects;
    event(effects);
    if (effects.propose) {
      REQUIRE(proposed == nullptr);
      REQUIRE(!violation(*effects.propose));
      REQUIRE(effects.propose->revision == map().revision + 1);
      proposed = effects.propose;
    }
    REQUIRE(leader.is_proposing() == (proposed != nullptr));
    pushed.insert(pushed.end(), effects.push.begin(), effects.push.end());
    for (const auto& order : effects.orders) {
      for (const auto& hand_over : order.hand_overs) {
        CHECK(partition(hand_over.partition).primary == order.primary);
        CHECK(partition(hand_over.partition).epoch == hand_over.epoch);
        ordered.emplace_back(order.primary, hand_over.partition);
      }
    }
    for (const auto& reply : effects.replies) {
      REQUIRE(reply.ticket != 0);
      REQUIRE(reply.ticket <= last_ticket_);
      REQUIRE(answers.emplace(reply.ticket, reply.answer).second);
    }
  }
  template <typename Event>
  Ticket ask(Event event) {
    const Ticket ticket = ++last_ticket_;
    act([&](auto& fx) { event(ticket, fx); });
    return ticket;
  }

  Ticket last_ticket_ = 0;
  std::map<std::uint64_t, std::uint64_t> asked_;  ///< by node: the number of the last ask, and of the last grant heard
  std::map<std::uint64_t, std::uint64_t> heard_;
};

inline bool says(const wire::Answer& answer, std::string_view words) {
  return answer.message.find(words) != std::string::npos;
}

}  // namespace dht::testing
