#include "leader_alone.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "figures.h"

namespace dht::growth {

namespace {

using std::chrono::milliseconds;

constexpr Duration kLease = milliseconds(1000);
constexpr std::uint64_t kWallMs = 1'767'225'600'000;
constexpr int kMostWaves = 100'000;

}  // namespace

LeaderAlone::LeaderAlone(const ClusterMap& map)
    : leader_(map.leader, std::make_shared<const ClusterMap>(map), {.lease = kLease}, now_, kLease) {
  for (int i = 0; i < 3; ++i)
    pass_time();
}

LedRest LeaderAlone::rest() {
  constexpr int kRounds = 3;
  LedRest rest;
  double seconds = 0;
  for (int round = 0; round < kRounds; ++round) {
    now_ = now_ + kLease / 4;
    for (const NodeRecord& node : leader_.map()->nodes) {
      const std::string call = wire::encode(heartbeat_of(node.id));
      const double begun = processor_seconds();
      Effects effects;
      leader_.on_heartbeat(++last_ticket_, *wire::decode_call(call), now_, effects);
      const std::string answer = wire::encode(effects.replies.front().answer);
      seconds += processor_seconds() - begun;
      rest.call_bytes = call.size();
      rest.answer_bytes = answer.size();
      carry_out(std::move(effects));
    }
    pass_time();
  }
  rest.us_per_heartbeat = seconds * 1e6 / static_cast<double>(kRounds * leader_.map()->nodes.size());
  return rest;
}

LedJoin LeaderAlone::join_one_more() {
  join_ = {};
  const Revision first = leader_.map()->revision;
  wire::Call call;
  call.node = make_node(leader_.map()->nodes.size(), NodeState::joining);
  call.wall_ms = kWallMs;
  const NodeId joiner = call.node.id;
  awaited_ = ++last_ticket_;
  at_leader([&](Effects& effects) { leader_.on_join(*awaited_, call, kWallMs, now_, effects); });
  wait_for_answer();
  awaited_ = ++last_ticket_;
  at_leader([&](Effects& effects) { leader_.on_activate(*awaited_, joiner, now_, effects); });
  wait_for_answer();
  // It has switched, and knows the map that made it a member.
  at_leader([&](Effects& effects) { leader_.on_heartbeat(++last_ticket_, heartbeat_of(joiner), now_, effects); });
  awaited_ = ++last_ticket_;
  at_leader([&](Effects& effects) { leader_.on_settle(*awaited_, joiner, now_, effects); });
  wait_for_answer();
  join_.changes = leader_.map()->revision - first;
  return join_;
}

void LeaderAlone::at_leader(Event event) {
  Effects effects;
  const double begun = processor_seconds();
  event(effects);
  join_.decide_seconds += processor_seconds() - begun;
  carry_out(std::move(effects));
}

void LeaderAlone::carry_out(Effects effects) {
  for (const Effects::Reply& reply : effects.replies) {
    if (reply.ticket != awaited_) continue;
    awaited_.reset();
    if (reply.answer.error) throw std::runtime_error("the leader refuses the join: " + reply.answer.message);
  }
  push(effects.push);
  for (const Effects::Order& order : effects.orders) {
    for (const wire::HandOverOrder& one : order.hand_overs)
      stopped_.emplace(one.partition, one.epoch);
    has_news_ = true;
  }
  if (!effects.propose) return;
  on_their_way_.push_back([this, map = effects.propose](Effects& next) {
    join_.copies += learners_added_by(*map);
    has_news_ = true;
    leader_.on_chosen(map, now_, next);
    leader_.on_acknowledged(map->leader, map->revision, now_, next);
  });
}

void LeaderAlone::push(const std::vector<NodeId>& nodes) {
  wire::Call call;
  call.kind = wire::CallKind::push_map;
  call.map = leader_.map();
  const double begun = processor_seconds();
  for (call.id = 1; call.id <= nodes.size(); ++call.id)
    join_.map_bytes += map_writer_.encode(call).size();
  join_.encode_seconds += processor_seconds() - begun;
  join_.maps_sent += nodes.size();
  for (const NodeId node : nodes) {
    on_their_way_.push_back([this, node, revision = call.map->revision](Effects& effects) {
      leader_.on_acknowledged(node, revision, now_, effects);
    });
  }
}

void LeaderAlone::report() {
  has_news_ = false;
  const ClusterMap& map = *leader_.map();
  std::map<NodeId, NodeReport> before = std::exchange(reports_, {});
  for (PartitionId p = 0; p < map.partitions.size(); ++p) {
    const PartitionRecord& record = map.partitions[p];
    const bool has_stopped = stopped_.contains({p, record.epoch});
    if (record.learners.empty() && !has_stopped) continue;
    reports_[record.primary].partitions.push_back(
        {.partition = p, .epoch = record.epoch, .stopped = has_stopped, .level = record.learners});
  }
  before.insert(reports_.begin(), reports_.end());
  for (const auto& [node, unused] : before) {
    on_their_way_.push_back(
        [this, id = node](Effects& effects) { leader_.on_heartbeat(++last_ticket_, heartbeat_of(id), now_, effects); });
  }
}

wire::Call LeaderAlone::heartbeat_of(NodeId node) {
  wire::Call call;
  call.kind = wire::CallKind::heartbeat;
  call.node = *leader_.map()->find(node);
  call.revision = leader_.map()->revision;
  if (const auto found = reports_.find(node); found != reports_.end()) call.report = found->second;
  // As if nodes had a few entries, and what was asked before had been granted.
  call.report.statistics = {.entries = 1000, .bytes = 116'000};
  std::uint64_t& last = grants_[node];
  call.lease_ask = wire::LeaseAsk{.number = ++last_ask_, .echo = last};
  last = last_ask_;
  return call;
}

void LeaderAlone::beat() {
  now_ = now_ + kLease / 4;
  for (const NodeRecord& node : leader_.map()->nodes) {
    on_their_way_.push_back([this, id = node.id](Effects& effects) {
      leader_.on_heartbeat(++last_ticket_, heartbeat_of(id), now_, effects);
    });
  }
  at_leader([this](Effects& effects) { leader_.on_tick(now_, effects); });
}

void LeaderAlone::pass_time() {
  const std::optional<Instant> looks_again_at = leader_.look_again_at();
  if (on_their_way_.empty() && looks_again_at && *looks_again_at > now_ && *looks_again_at - now_ < kLease / 4) {
    now_ = *looks_again_at;
    at_leader([this](Effects& effects) { leader_.on_tick(now_, effects); });
  } else if (on_their_way_.empty()) {
    beat();
  }
  now_ = now_ + milliseconds(1);
  at_leader([this](Effects& effects) { leader_.on_lease(now_ + kLease, now_, effects); });
  for (Event& event : std::exchange(on_their_way_, {}))
    at_leader(std::move(event));
  if (has_news_) report();
}

void LeaderAlone::wait_for_answer() {
  for (int wave = 0; awaited_ && wave < kMostWaves; ++wave)
    pass_time();
  if (awaited_) throw std::runtime_error("the leader never answers");
}

}  // namespace dht::growth
