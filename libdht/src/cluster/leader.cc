#include "cluster/leader.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/assert.h"
#include "cluster/admission.h"
#include "cluster/failover.h"
#include "cluster/refusal.h"
#include "cluster/voters.h"

namespace dht::cluster {

using wire::CallKind;

namespace {

wire::Answer no_majority() {
  return refusal_for_now(Errc::not_applied, "the leader does not reach a majority of the voters");
}

}  // namespace

Leader::Leader(NodeId self, ClusterMapPtr map, LeaderOptions options, Instant now, Duration wait)
    : self_(self),
      lease_(options.lease),
      map_(std::move(map)),
      grants_(self, options.lease, *map_, now, wait),
      spread_(self),
      joins_(options.max_clock_skew_ms),
      moves_(options.max_moves_per_node, options.return_patience, options.lease) {
  DHT_ASSERT(map_->leader == self && !violation(*map_));
  DHT_ASSERT(options.lease > Duration{0} && options.max_moves_per_node > 0);
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
  acknowledge(call.node.id, call.revision);
  // A joining node's report is about the cluster that it comes from.
  if (is_member(map_->find(call.node.id)) && reports_.replace(call.node.id, call.report)) has_news_ = true;
  if (call.report.is_durable && map_->find(call.node.id) != nullptr) reports_.note_durable(call.node.id);
  if (whereabouts_.note(call.node, *map_)) has_news_ = true;
  const auto returning = returning_.find(call.node.id);
  if (returning != returning_.end() && call.revision >= returning->second) {
    returning_.erase(returning);
    has_news_ = true;
  }
  // Without a lease it may have been replaced, so that its word holds no asker back from looking for another leader.
  wire::Answer answer = holds_lease(now) ? wire::Answer{} : no_majority();
  if (call.revision < map_->revision) answer.map = map_;
  answer.members = members(now);
  answer.operations = operations(now);
  if (call.lease_ask) answer.grant = grant(call.node.id, *call.lease_ask, now);
  effects.replies.push_back({ticket, std::move(answer)});
  advance(now, effects);
}

void Leader::on_step_aside(Ticket ticket, NodeId node, Instant now, LeaderEffects& effects) {
  DHT_ASSERT(node != self_);
  begin_call(CallKind::step_aside, ticket, node, now, effects);
  asides_.ask(node, now);
  advance(now, effects);
}

void Leader::on_forget(Ticket ticket, const wire::Call& call, Instant now, LeaderEffects& effects) {
  const Scene at = begin_call(CallKind::forget, ticket, call.node.id, now, effects);
  forgets_.ask(call.node.id, call.name, call.wall_ms, at);
  advance(now, effects);
}

void Leader::on_lease(Instant until, Instant now, LeaderEffects& effects) {
  pass(now);
  const bool had_ended = !holds_lease(now) && lease_until_.since_start != Duration::min();
  if (had_ended) grants_ = lease::GrantBook(self_, lease_, *map_, now, lease_);
  if (!holds_lease(now)) has_news_ = true;
  lease_until_ = until;
  advance(now, effects);
}

void Leader::set_closed(bool closed) {
  joins_.set_closed(closed);
  has_news_ = true;
}

void Leader::on_acknowledged(NodeId node, Revision adopted, Instant now, LeaderEffects& effects) {
  pass(now);
  // It has answered what this leader sent.
  if (is_known(node) && grants_.hear(node, now)) has_news_ = true;
  acknowledge(node, adopted);
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
  for (const NodeId node : spread_.again(*map_, grants_, now))
    effects.push.push_back(node);
  advance(now, effects);
  order(now, effects);
}

void Leader::resign() {
  resigned_ = true;
  has_news_ = true;
}

void Leader::resume(Instant now, LeaderEffects& effects) {
  pass(now);
  resigned_ = false;
  has_news_ = true;
  advance(now, effects);
}

bool Leader::is_proposing() const noexcept { return proposal_ != nullptr; }

bool Leader::has_leaves(Instant now) const {
  const std::vector<NodeId> asking = waiting_.nodes(CallKind::leave);
  const bool asked =
      std::any_of(asking.begin(), asking.end(), [&](NodeId node) { return grants_.is_alive(node, now); });
  return asked || std::any_of(map_->nodes.begin(), map_->nodes.end(), [&](const NodeRecord& node) {
           return node.id != self_ && node.state == NodeState::leaving && grants_.is_alive(node.id, now);
         });
}

std::vector<NodeId> Leader::successors(Instant now) const {
  std::vector<NodeId> nodes;
  const std::set<NodeId> unfit = shunned(now);
  for (const NodeRecord& node : map_->nodes) {
    if (node.id == self_ || node.state != NodeState::active || unfit.contains(node.id)) continue;
    if (grants_.is_alive(node.id, now)) nodes.push_back(node.id);
  }
  // One that has the newest map can begin at once; one that is a voter needs not become one first.
  std::stable_partition(nodes.begin(), nodes.end(), [this](NodeId node) { return spread_.has(node, map_->revision); });
  std::stable_partition(nodes.begin(), nodes.end(), [this](NodeId node) { return may_lead(*map_, node); });
  return nodes;
}

void Leader::stop(LeaderEffects& effects) {
  resigned_ = true;
  waiting_.answer_all(refusal_for_now(Errc::not_applied, "the cluster's leader has changed; ask again"), effects);
}

std::vector<wire::MemberReport> Leader::members(Instant now) const {
  std::vector<wire::MemberReport> result;
  for (const NodeRecord& node : map_->nodes) {
    result.push_back(
        {node.id, grants_.is_alive(node.id, now), reports_.statistics(node.id), reports_.is_full(node.id)});
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
  if (grants_.pass(now)) has_news_ = true;
  if (const auto retry_at = moves_.retry_at(); retry_at && now >= *retry_at) has_news_ = true;
}

Scene Leader::scene(Instant now, LeaderEffects& effects) {
  return {map_, proposal_, grants_, reports_, waiting_, now, effects};
}

/// A call that is answered when the map and the members have come so far.
Scene Leader::begin_call(CallKind kind, Ticket ticket, NodeId node, Instant now, LeaderEffects& effects) {
  pass(now);
  const NodeRecord* record = map_->find(node);
  // A member proves that it is alive by its echoes; one that comes is taken at its word.
  if (record == nullptr || record->state == NodeState::joining) grants_.hear(node, now);
  has_news_ = true;
  waiting_.add(kind, node, ticket, effects);
  return scene(now, effects);
}

void Leader::acknowledge(NodeId node, Revision adopted) {
  // The revisions that a joining node speaks of may be its own cluster's.
  if (is_member(map_->find(node)) && spread_.acknowledge(node, adopted)) has_news_ = true;
}

bool Leader::is_known(NodeId node) const { return map_->find(node) != nullptr || joins_.knows(node); }

bool Leader::is_condemned(NodeId node) const {
  if (proposal_ == nullptr) return false;
  const NodeRecord* record = proposal_->find(node);
  return record == nullptr || record->state == NodeState::down;
}

wire::LeaseGrant Leader::grant(NodeId node, const wire::LeaseAsk& ask, Instant now) {
  if (!is_known(node)) return lease::GrantBook::nothing(ask);
  if (grants_.on_ask(node, ask, now)) has_news_ = true;
  return is_condemned(node) ? lease::GrantBook::nothing(ask) : grants_.grant(node, ask, now, lease_until_);
}

/// A newer chosen map, by our own proposal or somebody else's.
void Leader::adopt(ClusterMapPtr map, Instant now, LeaderEffects& effects) {
  for (const NodeRecord& node : map->nodes) {
    const NodeRecord* before = map_->find(node.id);
    const bool is_new = before == nullptr || before->state == NodeState::joining;
    if (is_new && is_member(&node)) spread_.begin_membership(node.id, map->revision);
    const bool was_down = before != nullptr && before->state == NodeState::down;
    const bool may_have_kept = was_down && reports_.is_durable(node.id);
    if (may_have_kept && is_member(&node) && node.id != self_) returning_[node.id] = map->revision;
  }
  map_ = std::move(map);
  has_news_ = true;
  grants_.adopt(*map_, now);
  reports_.keep_only(*map_);
  joins_.adopt(*map_, now);
  leaves_.adopt(*map_, now);
  asides_.adopt(*map_);
  std::erase_if(returning_, [this](const auto& item) { return !is_member(map_->find(item.first)); });
  whereabouts_.adopt(*map_);
  std::erase_if(bytes_at_leave_, [this](const auto& item) { return map_->find(item.first) == nullptr; });
  for (const NodeId node : spread_.first(*map_, now))
    effects.push.push_back(node);
}

/// Compares what is with what should be, and does what is to be done.
void Leader::advance(Instant now, LeaderEffects& effects) {
  const Scene at = scene(now, effects);
  const bool had_news = has_news_;
  joins_.close_abandoned(at);
  if (has_news_ && may_propose(now)) propose(at);
  joins_.answer(at, joins_.awaits_quiet(waiting_) && is_quiet(now));
  // Those who hold leases must know. Without one of its own it cannot tell who they are.
  if (holds_lease(now)) {
    asides_.answer(at);
    leaves_.answer(at, spread_);
    forgets_.answer(at, spread_);
  }
  if (had_news) order(now, effects);
}

/// Active nodes that nothing is to be given to.
std::set<NodeId> Leader::shunned(Instant now) const {
  std::set<NodeId> nodes = joins_.starting_over(*map_);
  nodes.merge(asides_.nodes(now));
  nodes.merge(spread_.not_settled_in());
  for (const auto& [node, since] : returning_)
    nodes.insert(node);
  return nodes;
}

bool Leader::may_propose(Instant now) const noexcept {
  const bool has_more_to_do = !resigned_ || !map_->next_voters.empty();
  // Without a lease it cannot tell who is alive: it may be the one that is cut off.
  return proposal_ == nullptr && has_more_to_do && map_->leader == self_ && holds_lease(now);
}

/// Makes one change out of all that is ready.
void Leader::propose(const Scene& at) {
  has_news_ = false;
  MapChange change(*map_);
  change_all(at, change);
  if (change.empty()) return;
  proposal_ = std::make_shared<const ClusterMap>(std::move(change).finish());
  at.effects.propose = proposal_;
}

void Leader::change_all(const Scene& at, MapChange& change) {
  if (resigned_) return change.finish_voter_change();
  joins_.remove_failed(at, change);
  joins_.activate(change);
  change_states(at, change);
  whereabouts_.rename(change);
  leaves_.begin(at, change);
  std::set<NodeId> shunned = this->shunned(at.now);
  const std::set<NodeId> asides = asides_.nodes(at.now);
  for (const NodeRecord& node : change.map().nodes) {
    // Made a member by this very change, which it does not know yet.
    const NodeRecord* before = map_->find(node.id);
    const bool joins = before != nullptr && before->state == NodeState::joining;
    const bool comes_back = before != nullptr && before->state == NodeState::down && reports_.is_durable(node.id);
    if (is_member(&node) && (joins || comes_back) && node.id != self_) shunned.insert(node.id);
  }
  change_voters(at, change);
  const MoveInputs inputs{grants_, reports_, shunned, asides, at.now};
  fail_over(at, change);
  moves_.finish(*map_, inputs, change);
  forgets_.carry_out(at, shunned, change);
  leaves_.remove(at, change);
  remove_replaced(change);
  joins_.admit(at, change);
  moves_.begin(*map_, inputs, change);
  joins_.count_moves(change.map(), moves_.waiting());
}

/// Calls silent members down, and those that are down and speak again active.
void Leader::change_states(const Scene& at, MapChange& change) const {
  for (const NodeRecord& node : map_->nodes) {
    const bool is_alive = at.is_alive(node.id);
    if (node.state == NodeState::down && is_alive) {
      change.mark_active(node.id);
      reopen_partitions_of(node.id, change);
    }
    if (is_member(&node) && !is_alive) change.mark_down(node.id);
  }
}

/// Dead members whose name another one bears by now: those are gone for good, and need not be listed once they hold
/// nothing any more.
void Leader::remove_replaced(MapChange& change) const {
  for (const NodeRecord& node : map_->nodes) {
    const NodeRecord* still = change.map().find(node.id);
    if (still == nullptr || still->state != NodeState::down || !is_removable(change.map(), node.id)) continue;
    const NodeRecord* holder = change.map().find_name(node.name);
    if (is_member(holder) && holder->id != node.id) change.remove_node(node.id);
  }
}

/// One step of a change of voters: it is begun, or, the map that began it being chosen, completed.
void Leader::change_voters(const Scene& at, MapChange& change) const {
  if (!map_->next_voters.empty()) return change.finish_voter_change();
  const std::set<NodeId> unfit = shunned(at.now);
  std::vector<NodeId> candidates;
  for (const NodeRecord& node : map_->nodes) {
    const NodeRecord* next = change.map().find(node.id);
    const bool stays = next != nullptr && next->state == NodeState::active && node.state == NodeState::active;
    const bool is_fit = stays && at.is_alive(node.id) && !unfit.contains(node.id);
    // One that is no voter yet must have answered: what it takes part in needs its voice.
    const bool is_sure = map_->is_voter(node.id) || grants_.has_proved_itself(node.id);
    if (node.id == self_ || (is_fit && is_sure)) candidates.push_back(node.id);
  }
  std::vector<NodeId> wanted = plan_voters(*map_, std::move(candidates));
  if (!same_voters(wanted, map_->voters)) change.begin_voter_change(std::move(wanted));
}

void Leader::order(Instant now, LeaderEffects& effects) {
  if (resigned_ || map_->leader != self_) return;
  const std::set<NodeId> shunned = this->shunned(now);
  const std::set<NodeId> asides = asides_.nodes(now);
  moves_.order(*map_, proposal_.get(), {grants_, reports_, shunned, asides, now}, effects);
}

/// No move is planned or under way, and every alive member has the newest map.
bool Leader::is_quiet(Instant now) const {
  const auto is_settled = [](const PartitionRecord& record) { return record.learners.empty(); };
  return may_propose(now) && !has_news_ && !moves_.holds_back() && moves_.waiting().empty() &&
         spread_.everybody_has(*map_, map_->revision, grants_, now) &&
         std::all_of(map_->partitions.begin(), map_->partitions.end(), is_settled);
}

}  // namespace dht::cluster
