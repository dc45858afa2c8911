#include "leader_world.h"

#include <algorithm>

#include <fmt/format.h>

#include "cluster/map_change.h"
#include "cluster/planner.h"
#include "cluster/voters.h"
#include "lease/rules.h"

namespace dht::testing {

using cluster::Leader;
using cluster::LeaderOptions;
using cluster::MapChange;
using cluster::Ticket;
using std::chrono::milliseconds;

namespace {

constexpr Duration kLeaseLength = milliseconds(1000);
constexpr std::uint64_t kWallMs = 1'767'225'600'000;

}  // namespace

LeaderWorld::LeaderWorld(WorldOptions options)
    : options_(options),
      random_(options.seed),
      chosen_(std::make_shared<const ClusterMap>(even_map(1, options.partitions))),
      leader_(std::make_unique<Leader>(
          NodeId{1}, chosen_, LeaderOptions{.lease = kLeaseLength, .max_moves_per_node = options.max_moves_per_node},
          timeline_.now(), kLeaseLength)) {
  nodes_[1].map = chosen_;
  heartbeat(1);
  tick();
}

// What tests do.

void LeaderWorld::join(std::uint64_t node) {
  if (!nodes_.contains(node)) {
    nodes_[node] = {};
    heartbeat(node);
  }
  begin(node, Step::join);
}

void LeaderWorld::abandon(std::uint64_t node) {
  if (nodes_[node].step == Step::join || nodes_[node].step == Step::activate) begin(node, Step::abandon);
}

void LeaderWorld::leave(std::uint64_t node) { begin(node, Step::leave); }

void LeaderWorld::forget(std::uint64_t node) {
  wire::Call call;
  call.node.id = NodeId{leader()};
  call.name = node_record(node).name;
  call.wall_ms = kWallMs;
  ask_leader(
      leader(), Step::none, [](const wire::Answer&) {},
      [this, call](Ticket ticket, Effects& effects) { leader_->on_forget(ticket, call, timeline_.now(), effects); });
}

void LeaderWorld::silence(std::uint64_t node, Duration duration) {
  if (node != leader()) nodes_[node].silent_until = timeline_.now() + duration;
}

void LeaderWorld::hand_leadership_over() {
  if (deposing_ || std::exchange(handing_over_, true)) return;
  leader_->resign();
  try_handing_over();
}

void LeaderWorld::depose_leader() {
  if (handing_over_ || std::exchange(deposing_, true)) return;
  later(kLeaseLength + some_ms(0, 600), [this] { elect(); });
}

bool LeaderWorld::is_idle(std::uint64_t node) const {
  const auto found = nodes_.find(node);
  return found == nodes_.end() || found->second.step == Step::none;
}

bool LeaderWorld::is_member(std::uint64_t node) const {
  const auto found = nodes_.find(node);
  return found != nodes_.end() && found->second.map != nullptr;
}

bool LeaderWorld::is_quiet() const {
  if (handing_over_ || deposing_ || leader_->is_proposing()) return false;
  const auto is_over = [](const auto& entry) { return entry.second.step == Step::none; };
  if (!std::all_of(nodes_.begin(), nodes_.end(), is_over)) return false;
  std::vector<NodeId> holders;
  for (const PartitionRecord& record : chosen_->partitions) {
    if (!record.learners.empty()) return false;
    holders.push_back(record.primary);
  }
  std::vector<NodeId> members;
  std::vector<NodeId> pinned;
  for (const auto& member : leader_->members(timeline_.now()))
    (member.alive ? members : pinned).push_back(member.node);
  return cluster::plan_moves(holders, members, pinned).empty();
}

bool LeaderWorld::run_until_quiet(Duration limit) {
  return timeline_.run_until([this] { return !fault_.empty() || is_quiet(); }, limit) && fault_.empty();
}

// Messages.

Duration LeaderWorld::some_ms(std::uint64_t least, std::uint64_t most) {
  return milliseconds(static_cast<std::int64_t>(least + random_() % (most - least + 1)));
}

void LeaderWorld::send(std::uint64_t node, std::function<void()> deliver) {
  const auto arrive = [this, node, deliver = std::move(deliver)] {
    if (!is_silent(node)) deliver();
  };
  if (is_silent(node) || chance(5)) return;
  later(some_ms(0, options_.trouble ? 60 : 2), arrive);
  if (chance(5)) later(some_ms(0, 300), arrive);
}

void LeaderWorld::fail(std::string what) {
  if (fault_.empty()) fault_ = fmt::format("seed {}: {}", options_.seed, what);
}

// The owner of the leader, and the register.

void LeaderWorld::at_leader(const std::function<void(Effects&)>& event) {
  Effects effects;
  event(effects);
  for (auto& reply : effects.replies) {
    const auto waiting = waiting_.find(reply.ticket);
    if (waiting == waiting_.end()) return fail("a ticket is answered that does not wait");
    const AnswerHandler handler = std::move(waiting->second);
    waiting_.erase(waiting);
    handler(reply.answer);
  }
  for (const NodeId node : effects.push) {
    send(node.value, [this, node, map = leader_->map()] { adopt(node.value, map); });
  }
  for (const auto& order : effects.orders) {
    for (const auto& hand_over_order : order.hand_overs) {
      send(order.primary.value,
           [this, node = order.primary.value, hand_over_order] { hand_over(node, hand_over_order); });
    }
  }
  if (effects.propose) propose(effects.propose);
}

void LeaderWorld::ask_leader(std::uint64_t node, Step step, AnswerHandler handler,
                             std::function<void(Ticket, Effects&)> ask) {
  send(node, [this, node, step, handler = std::move(handler), ask = std::move(ask)] {
    at_leader([&](Effects& effects) {
      const Ticket ticket = ++last_ticket_;
      waiting_[ticket] = [this, node, step, handler](const wire::Answer& answer) {
        check_answer(node, step, answer);
        send(node, [handler, answer] { handler(answer); });
      };
      ask(ticket, effects);
    });
  });
}

void LeaderWorld::propose(ClusterMapPtr next) {
  later(some_ms(0, options_.trouble ? 20 : 1), [this, next, reign = reign_] {
    if (next->revision != chosen_->revision + 1) return;  // another leader was elected
    if (chance(5)) {
      at_leader([&](Effects& effects) { leader_->on_refused(chosen_, timeline_.now(), effects); });
      return;
    }
    check(*chosen_, *next);
    chosen_ = next;
    check_leases();
    ++changes_;
    const auto tell = [this, next, reign, believed_refused = chance(3)] {
      if (reign != reign_) return;
      at_leader([&](Effects& effects) {
        if (believed_refused) return leader_->on_refused(next, timeline_.now(), effects);
        leader_->on_chosen(next, timeline_.now(), effects);
      });
      adopt(leader(), next);
    };
    later(some_ms(0, options_.trouble ? 20 : 1), tell);
    if (chance(5)) {
      later(some_ms(20, 200), [this, next, reign] {
        if (reign == reign_) at_leader([&](Effects& e) { leader_->on_chosen(next, timeline_.now(), e); });
      });
    }
  });
}

void LeaderWorld::check(const ClusterMap& before, const ClusterMap& after) {
  if (const auto broken = violation(after)) fail(*broken);
  if (after.revision != before.revision + 1 || after.cluster != before.cluster) fail("the map does not follow");
  for (PartitionId p = 0; p < after.partitions.size(); ++p)
    check_partition(p, before, after);
}

void LeaderWorld::check_partition(PartitionId p, const ClusterMap& before, const ClusterMap& after) {
  const PartitionRecord& was = before.partitions[p];
  const PartitionRecord& is = after.partitions[p];
  if (is.epoch == was.epoch) {
    if (is.primary != was.primary) fail(fmt::format("partition {}: another primary in the same epoch", p));
    return;
  }
  if (is.empty_from == is.epoch) {
    const NodeRecord* lost = before.find(was.primary);
    if (lost == nullptr || lost->state != NodeState::down) fail(fmt::format("partition {}: lost without need", p));
    if (after.find(was.primary) != nullptr) fail(fmt::format("partition {}: its primary may come back", p));
    return;
  }
  if (is.epoch != was.epoch + 1) fail(fmt::format("partition {}: the epoch jumps", p));
  if (is.primary == was.primary) return;
  ++moves_;
  const Node& old_primary = nodes_.at(was.primary.value);
  if (!old_primary.stopped.contains({p, was.epoch})) fail(fmt::format("partition {}: two primaries", p));
  const auto is_level = [&](const LearnerRecord& learner) {
    return learner.node == is.primary && old_primary.level.contains({p, learner.since});
  };
  if (std::none_of(was.learners.begin(), was.learners.end(), is_level)) {
    fail(fmt::format("partition {}: the new primary lacks entries", p));
  }
}

/// Nobody holds a lease by whom nothing is served any more.
void LeaderWorld::check_leases() {
  for (const NodeRecord& record : chosen_->nodes) {
    const auto node = nodes_.find(record.id.value);
    if (record.state != NodeState::down || node == nodes_.end()) continue;
    if (timeline_.now() < node->second.lease.until()) fail(fmt::format("{} is down and holds a lease", record.name));
  }
}

void LeaderWorld::tick() {
  confirm_leader();
  at_leader([this](Effects& effects) { leader_->on_tick(timeline_.now(), effects); });
  if (handing_over_) try_handing_over();
  later(milliseconds(100), [this] { tick(); });
}

void LeaderWorld::confirm_leader() {
  if (deposing_) return;
  confirmed_at_ = timeline_.now();
  at_leader([this](Effects& effects) {
    leader_->on_lease(lease::end_at_holder(confirmed_at_, kLeaseLength), confirmed_at_, effects);
  });
}

void LeaderWorld::try_handing_over() {
  if (leader_->is_proposing() || !chosen_->next_voters.empty()) return;
  handing_over_ = false;
  const std::vector<NodeId> successors = leader_->successors(timeline_.now());
  if (successors.empty()) {
    at_leader([this](Effects& effects) { leader_->resume(timeline_.now(), effects); });
    return;
  }
  nodes_[successors.front().value].silent_until = {};
  install(successors.front().value, kLeaseLength);
}

void LeaderWorld::elect() {
  deposing_ = false;
  std::vector<std::uint64_t> candidates;
  for (const NodeRecord& node : chosen_->nodes) {
    const bool is_fit = node.state == NodeState::active && cluster::may_lead(*chosen_, node.id);
    if (is_fit && node.id != chosen_->leader && !is_silent(node.id.value)) candidates.push_back(node.id.value);
  }
  if (candidates.empty()) return;
  install(candidates[random_() % candidates.size()],
          lease::wait_of_new_leader(kLeaseLength, timeline_.now() - confirmed_at_));
}

void LeaderWorld::install(std::uint64_t successor, Duration wait) {
  MapChange change(*chosen_);
  change.set_leader(NodeId{successor});
  chosen_ = std::make_shared<const ClusterMap>(std::move(change).finish());
  at_leader([this](Effects& effects) { leader_->stop(effects); });
  if (!waiting_.empty()) fail("a ticket is not answered by stopping");
  ++reign_;
  leader_ = std::make_unique<Leader>(
      NodeId{successor}, chosen_,
      LeaderOptions{.lease = kLeaseLength, .max_moves_per_node = options_.max_moves_per_node}, timeline_.now(), wait);
  adopt(successor, chosen_);
}

// The nodes.

void LeaderWorld::begin(std::uint64_t id, Step step) {
  Node& node = nodes_[id];
  node.step = step;
  repeat_call(id, ++node.attempt);
}

/// A call that comes late, when the node is at another step already, is not delivered: its connection was replaced.
void LeaderWorld::repeat_call(std::uint64_t id, std::uint64_t attempt) {
  const Node& node = nodes_[id];
  if (node.attempt != attempt || node.step == Step::none) return;
  const auto is_current = [this, id, attempt] { return nodes_[id].attempt == attempt; };
  const Step step = node.step;
  ask_leader(
      id, step,
      [this, id, step, is_current](const wire::Answer& answer) {
        if (is_current()) on_answer(id, step, answer);
      },
      [this, id, step, is_current](Ticket ticket, Effects& effects) {
        if (is_current()) return put_call(id, step, ticket, effects);
        waiting_.erase(ticket);
      });
  later(some_ms(500, 800), [this, id, attempt] { repeat_call(id, attempt); });
}

void LeaderWorld::put_call(std::uint64_t id, Step step, Ticket ticket, Effects& effects) {
  const NodeId node{id};
  const Instant now = timeline_.now();
  wire::Call call;
  switch (step) {
    case Step::none:
      break;
    case Step::join:
      call.node = node_record(id);
      call.wall_ms = kWallMs;
      return leader_->on_join(ticket, call, kWallMs, now, effects);
    case Step::activate:
      return leader_->on_activate(ticket, node, now, effects);
    case Step::settle:
      return leader_->on_settle(ticket, node, now, effects);
    case Step::abandon:
      return leader_->on_abandon(ticket, node, now, effects);
    case Step::leave:
      // The leader itself first hands the leadership over.
      if (id != leader()) return leader_->on_leave(ticket, node, now, effects);
      waiting_.erase(ticket);
      if (chosen_->nodes.size() == 1) {
        nodes_[id].step = Step::none;  // it is alone: there is nothing to leave
      } else {
        later({}, [this] { hand_leadership_over(); });
      }
      break;
  }
}

void LeaderWorld::on_answer(std::uint64_t id, Step step, const wire::Answer& answer) {
  if (answer.error && answer.try_later) return;
  const bool is_forgotten = step == Step::settle && chosen_->find(NodeId{id}) == nullptr;
  if ((step == Step::join || step == Step::settle) && answer.error && !is_forgotten) {
    fail(fmt::format("node {} is refused: {}", id, answer.message));
  }
  Node& node = nodes_[id];
  const std::uint64_t attempt = ++node.attempt;
  node.step = Step::none;
  const auto go_on = [&](Step next, Duration after) {
    node.step = next;
    later(after, [this, id, attempt] { repeat_call(id, attempt); });
  };
  if (step == Step::join && !answer.error) go_on(Step::activate, some_ms(20, options_.trouble ? 600 : 20));
  if (step == Step::activate && answer.error) go_on(Step::join, {});
  if (step == Step::activate && !answer.error) {
    node.map = nullptr;
    adopt(id, answer.map);
    go_on(Step::settle, {});
  }
  if (step == Step::abandon && answer.error) go_on(Step::activate, {});
  if (step == Step::leave && !answer.error) node.map = nullptr;
}

/// Whoever asks any member that holds a lease, from the moment of the answer on, sees what it says.
void LeaderWorld::check_answer(std::uint64_t id, Step step, const wire::Answer& answer) {
  if (answer.error || (step != Step::settle && step != Step::leave)) return;
  for (const NodeRecord& member : leader_->map()->nodes) {
    const Node& other = nodes_[member.id.value];
    if (other.map == nullptr || timeline_.now() >= other.lease.until()) continue;
    const bool lists = other.map->find(NodeId{id}) != nullptr;
    if (lists != (step == Step::settle)) fail(fmt::format("{} does not know of node {}", member.name, id));
  }
}

void LeaderWorld::heartbeat(std::uint64_t id) {
  later(some_ms(150, 250), [this, id] { heartbeat(id); });
  beat(id);
}

void LeaderWorld::beat(std::uint64_t id) {
  Node& node = nodes_[id];
  node.has_news = false;
  const bool is_joining = node.step == Step::join || node.step == Step::activate;
  if (node.map == nullptr && !is_joining) return;
  wire::Call call;
  call.node.id = NodeId{id};
  call.revision = node.map ? node.map->revision : 0;
  call.report = report_of(id);
  call.lease_ask = node.lease.ask(++node.last_ask, timeline_.now());
  ask_leader(
      id, Step::none,
      [this, id](const wire::Answer& answer) {
        if (answer.grant) nodes_[id].lease.on_grant(*answer.grant);
        check_leases();
        if (answer.map) adopt(id, answer.map);
      },
      [this, call](Ticket ticket, Effects& effects) { leader_->on_heartbeat(ticket, call, timeline_.now(), effects); });
}

/// Does not wait for the next heartbeat to tell.
void LeaderWorld::report_soon(std::uint64_t id) {
  if (std::exchange(nodes_[id].has_news, true)) return;
  later(milliseconds(1), [this, id] {
    if (nodes_[id].has_news) beat(id);
  });
}

void LeaderWorld::adopt(std::uint64_t id, const ClusterMapPtr& map) {
  Node& node = nodes_[id];
  const NodeRecord* self = map->find(NodeId{id});
  const bool was_outside = node.map == nullptr;
  if (was_outside && (node.step != Step::none || self == nullptr || self->state == NodeState::joining)) return;
  if (!was_outside && map->revision < node.map->revision) return;
  if (self == nullptr && node.step != Step::leave) {
    // Forgotten: it stands alone from now on.
    ++forgotten_;
    node.map = nullptr;
    node.step = Step::none;
    ++node.attempt;
    return;
  }
  node.map = map;
  send(id, [this, id, revision = map->revision] {
    at_leader([&](Effects& effects) { leader_->on_acknowledged(NodeId{id}, revision, timeline_.now(), effects); });
  });
  for (PartitionId p = 0; p < map->partitions.size(); ++p) {
    if (map->partitions[p].primary != NodeId{id}) continue;
    for (const LearnerRecord& learner : map->partitions[p].learners) {
      if (node.begun.emplace(p, learner.since).second) stream(id, p, learner);
    }
  }
}

/// The stream to a learner: level after a while, unless it breaks before; and it may break later.
void LeaderWorld::stream(std::uint64_t id, PartitionId p, const LearnerRecord& learner) {
  later(some_ms(5, options_.trouble ? 300 : 5), [this, id, p, learner] {
    Node& node = nodes_[id];
    const Stream stream{p, learner.since};
    if (is_silent(learner.node.value) || is_silent(id) || chance(4)) {
      node.lost.insert(stream);
    } else {
      node.level.insert(stream);
      if (chance(4)) {
        later(some_ms(1, 300), [this, id, stream] {
          nodes_[id].lost.insert(stream);
          report_soon(id);
        });
      }
    }
    report_soon(id);
  });
}

void LeaderWorld::hand_over(std::uint64_t id, const wire::HandOverOrder& order) {
  later(some_ms(1, options_.trouble ? 150 : 1), [this, id, order] {
    Node& node = nodes_[id];
    if (node.map == nullptr) return;
    const PartitionRecord& record = node.map->partitions[order.partition];
    if (record.primary != NodeId{id} || record.epoch != order.epoch) return;
    // A learner that is waited for and lost keeps the primary from being drained until the map is without it.
    for (const LearnerRecord& learner : record.learners) {
      if (node.lost.contains({order.partition, learner.since})) return;
    }
    node.stopped.emplace(order.partition, order.epoch);
    report_soon(id);
  });
}

NodeReport LeaderWorld::report_of(std::uint64_t id) const {
  NodeReport report;
  const Node& node = nodes_.at(id);
  if (node.map == nullptr) return report;
  for (PartitionId p = 0; p < node.map->partitions.size(); ++p) {
    const PartitionRecord& record = node.map->partitions[p];
    if (record.primary != NodeId{id}) continue;
    PartitionReport said{.partition = p, .epoch = record.epoch, .stopped = node.stopped.contains({p, record.epoch})};
    for (const LearnerRecord& learner : record.learners) {
      if (node.lost.contains({p, learner.since}))
        said.lost.push_back(learner);
      else if (node.level.contains({p, learner.since}))
        said.level.push_back(learner);
    }
    if (said.stopped || !said.level.empty() || !said.lost.empty()) report.partitions.push_back(std::move(said));
  }
  return report;
}

}  // namespace dht::testing
