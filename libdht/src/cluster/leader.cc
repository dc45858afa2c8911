#include "cluster/leader.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/assert.h"
#include "cluster/admission.h"
#include "cluster/refusal.h"

namespace dht::cluster {

using wire::CallKind;

Leader::Leader(NodeId self, ClusterMapPtr map, LeaderOptions options, Instant now)
    : self_(self),
      map_(std::move(map)),
      last_event_(now),
      liveness_(self, options.silence_limit, *map_, now),
      spread_(self),
      joins_(options.max_clock_skew_ms),
      moves_(options.max_moves_per_node) {
  DHT_ASSERT(map_->leader == self && !violation(*map_));
  DHT_ASSERT(options.silence_limit > Duration{0} && options.max_moves_per_node > 0);
  joins_.adopt(*map_, now);
  leaves_.adopt(*map_, now);
}

Leader::~Leader() = default;

const ClusterMapPtr& Leader::map() const noexcept { return map_; }

void Leader::on_join(Ticket ticket, const wire::Call& call, std::uint64_t wall_ms, Instant now,
                     LeaderEffects& effects) {
  const Scene at = begin_call(CallKind::join, ticket, call.node.id, now, effects);
  if (resigned_) {
    waiting_.answer(CallKind::join, call.node.id, closed_for_now(), effects);
  } else {
    joins_.ask(call, wall_ms, at);
  }
  advance(now, effects);
}

void Leader::on_activate(Ticket ticket, NodeId node, Instant now, LeaderEffects& effects) {
  joins_.ask_activation(node, begin_call(CallKind::activate, ticket, node, now, effects));
  advance(now, effects);
}

void Leader::on_settle(Ticket ticket, NodeId node, Instant now, LeaderEffects& effects) {
  begin_call(CallKind::settle, ticket, node, now, effects);
  advance(now, effects);
}

void Leader::on_abandon(Ticket ticket, NodeId node, Instant now, LeaderEffects& effects) {
  joins_.give_up(node, begin_call(CallKind::abandon, ticket, node, now, effects));
  advance(now, effects);
}

void Leader::on_leave(Ticket ticket, NodeId node, Instant now, LeaderEffects& effects) {
  DHT_ASSERT(node != self_);
  bytes_at_leave_.try_emplace(node, reports_.statistics(node).bytes);
  leaves_.ask(node, begin_call(CallKind::leave, ticket, node, now, effects));
  advance(now, effects);
}

void Leader::on_heartbeat(Ticket ticket, const wire::Call& call, Instant now, LeaderEffects& effects) {
  pass(now);
  hear(call.node.id, call.revision, now);
  // A joining node's report is about the cluster that it comes from.
  if (is_member(map_->find(call.node.id)) && reports_.replace(call.node.id, call.report)) has_news_ = true;
  wire::Answer answer;
  if (call.revision < map_->revision) answer.map = map_;
  answer.members = members(now);
  answer.operations = operations(now);
  effects.replies.push_back({ticket, std::move(answer)});
  advance(now, effects);
}

void Leader::set_closed(bool closed) {
  joins_.set_closed(closed);
  has_news_ = true;
}

void Leader::on_acknowledged(NodeId node, Revision adopted, Instant now, LeaderEffects& effects) {
  pass(now);
  hear(node, adopted, now);
  advance(now, effects);
}

void Leader::on_chosen(ClusterMapPtr map, Instant now, LeaderEffects& effects) {
  DHT_ASSERT(map != nullptr);
  pass(now);
  if (proposal_ != nullptr && map->revision >= proposal_->revision) proposal_ = nullptr;
  if (map->revision > map_->revision) adopt(std::move(map), now, effects);
  advance(now, effects);
}

void Leader::on_refused(ClusterMapPtr newest, Instant now, LeaderEffects& effects) {
  pass(now);
  proposal_ = nullptr;
  has_news_ = true;
  // Where nothing is newer the reason of the refusal may last: the next event tries again, not this one.
  if (newest == nullptr || newest->revision <= map_->revision) return;
  adopt(std::move(newest), now, effects);
  advance(now, effects);
}

void Leader::on_tick(Instant now, LeaderEffects& effects) {
  pass(now);
  for (const NodeId node : spread_.again(*map_, liveness_, now))
    effects.push.push_back(node);
  advance(now, effects);
  order(now, effects);
}

void Leader::resign() { resigned_ = true; }

void Leader::resume(Instant now, LeaderEffects& effects) {
  pass(now);
  resigned_ = false;
  has_news_ = true;
  advance(now, effects);
}

bool Leader::is_proposing() const noexcept { return proposal_ != nullptr; }

std::vector<NodeId> Leader::successors(Instant now) const {
  std::vector<NodeId> nodes;
  const std::set<NodeId> unfit = shunned();
  for (const NodeRecord& node : map_->nodes) {
    if (node.id == self_ || node.state != NodeState::active || unfit.contains(node.id)) continue;
    if (liveness_.is_alive(node.id, now)) nodes.push_back(node.id);
  }
  // One that has the newest map can begin at once.
  std::stable_partition(nodes.begin(), nodes.end(), [this](NodeId node) { return spread_.has(node, map_->revision); });
  return nodes;
}

void Leader::stop(LeaderEffects& effects) {
  resigned_ = true;
  waiting_.answer_all(refusal_for_now(Errc::not_applied, "the cluster's leader has changed; ask again"), effects);
}

std::vector<wire::MemberReport> Leader::members(Instant now) const {
  std::vector<wire::MemberReport> result;
  for (const NodeRecord& node : map_->nodes) {
    result.push_back({node.id, liveness_.is_alive(node.id, now), reports_.statistics(node.id)});
  }
  return result;
}

std::vector<wire::OperationReport> Leader::operations(Instant now) const {
  const ClusterMap& newest = proposal_ ? *proposal_ : *map_;
  std::vector<wire::OperationReport> result;
  joins_.report(newest, moves_.waiting(), now, result);
  leaves_.report(newest, now, result);
  // A joining node has as much as was moved to it; a leaving one as much less than at its beginning.
  for (wire::OperationReport& operation : result) {
    const std::uint64_t held = reports_.statistics(operation.node).bytes;
    const auto before = bytes_at_leave_.find(operation.node);
    const std::uint64_t at_leave = before == bytes_at_leave_.end() ? held : before->second;
    operation.bytes_done = operation.is_join ? held : at_leave - std::min(at_leave, held);
  }
  return result;
}

/// Every event begins with this and ends with `advance`.
void Leader::pass(Instant now) {
  last_event_ = now;
  if (liveness_.pass(now)) has_news_ = true;
  if (const auto retry_at = moves_.retry_at(); retry_at && now >= *retry_at) has_news_ = true;
}

Scene Leader::scene(Instant now, LeaderEffects& effects) {
  return {map_, proposal_, liveness_, reports_, waiting_, now, effects};
}

/// A call that is answered when the map and the members have come so far.
Scene Leader::begin_call(CallKind kind, Ticket ticket, NodeId node, Instant now, LeaderEffects& effects) {
  pass(now);
  liveness_.hear(node, now);
  has_news_ = true;
  waiting_.add(kind, node, ticket, effects);
  return scene(now, effects);
}

void Leader::hear(NodeId node, Revision adopted, Instant now) {
  const NodeRecord* record = map_->find(node);
  if (record == nullptr && !joins_.knows(node)) return;
  if (liveness_.hear(node, now)) has_news_ = true;
  // The revisions that a joining node speaks of may be its own cluster's.
  if (is_member(record) && spread_.acknowledge(node, adopted)) has_news_ = true;
}

/// A newer chosen map, by our own proposal or somebody else's.
void Leader::adopt(ClusterMapPtr map, Instant now, LeaderEffects& effects) {
  for (const NodeRecord& node : map->nodes) {
    const NodeRecord* before = map_->find(node.id);
    const bool is_new = before == nullptr || before->state == NodeState::joining;
    if (is_new && is_member(&node)) spread_.begin_membership(node.id, map->revision);
  }
  map_ = std::move(map);
  has_news_ = true;
  liveness_.adopt(*map_, now);
  reports_.keep_only(*map_);
  joins_.adopt(*map_, now);
  leaves_.adopt(*map_, now);
  std::erase_if(bytes_at_leave_, [this](const auto& item) { return map_->find(item.first) == nullptr; });
  for (const NodeId node : spread_.first(*map_, now))
    effects.push.push_back(node);
}

/// Compares what is with what should be, and does what is to be done.
void Leader::advance(Instant now, LeaderEffects& effects) {
  const Scene at = scene(now, effects);
  const bool had_news = has_news_;
  joins_.close_abandoned(at);
  if (has_news_ && may_propose()) propose(at);
  joins_.answer(at, joins_.awaits_quiet(waiting_) && is_quiet(now));
  leaves_.answer(at, spread_);
  if (had_news) order(now, effects);
}

/// Active nodes that nothing is to be given to.
std::set<NodeId> Leader::shunned() const {
  std::set<NodeId> nodes = joins_.starting_over(*map_);
  nodes.merge(spread_.not_settled_in());
  return nodes;
}

bool Leader::may_propose() const noexcept { return proposal_ == nullptr && !resigned_ && map_->leader == self_; }

/// Makes one change out of all that is ready.
void Leader::propose(const Scene& at) {
  has_news_ = false;
  MapChange change(*map_);
  joins_.remove_failed(at, change);
  joins_.activate(change);
  for (const NodeRecord& node : map_->nodes) {
    if (node.state == NodeState::down && at.is_alive(node.id)) change.mark_active(node.id);
  }
  leaves_.begin(at, change);
  std::set<NodeId> shunned = this->shunned();
  for (const NodeRecord& node : change.map().nodes) {
    // Made a member by this very change, which it does not know yet.
    const NodeRecord* before = map_->find(node.id);
    if (is_member(&node) && before != nullptr && before->state == NodeState::joining) shunned.insert(node.id);
  }
  const MoveInputs inputs{liveness_, reports_, shunned, at.now};
  moves_.finish(*map_, inputs, change);
  leaves_.remove(at, change);
  joins_.admit(at, change);
  moves_.begin(*map_, inputs, change);
  joins_.count_moves(change.map(), moves_.waiting());
  if (change.empty()) return;
  proposal_ = std::make_shared<const ClusterMap>(std::move(change).finish());
  at.effects.propose = proposal_;
}

void Leader::order(Instant now, LeaderEffects& effects) {
  if (resigned_ || map_->leader != self_) return;
  const std::set<NodeId> shunned = this->shunned();
  moves_.order(*map_, proposal_.get(), {liveness_, reports_, shunned, now}, effects);
}

/// No move is planned or under way, and every alive member has the newest map.
bool Leader::is_quiet(Instant now) const {
  const auto is_settled = [](const PartitionRecord& record) { return record.learners.empty(); };
  return may_propose() && !has_news_ && moves_.waiting().empty() &&
         spread_.everybody_has(*map_, map_->revision, liveness_, now) &&
         std::all_of(map_->partitions.begin(), map_->partitions.end(), is_settled);
}

}  // namespace dht::cluster
