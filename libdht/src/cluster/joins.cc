#include "cluster/joins.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "cluster/admission.h"
#include "cluster/refusal.h"

namespace dht::cluster {

using wire::Answer;
using wire::CallKind;

namespace {

/// How many moves to the node are under way or yet to begin.
std::uint64_t moves_to(NodeId node, const ClusterMap& map, const std::vector<Move>& waiting) {
  return learners_of(map, node) + static_cast<std::uint64_t>(std::count_if(
                                      waiting.begin(), waiting.end(), [node](const Move& m) { return m.to == node; }));
}

bool is_joining(const NodeRecord* node) { return node != nullptr && node->state == NodeState::joining; }

/// Whether the node is in the chosen map or may come into it by the change under way.
bool is_in_sight(NodeId node, const Scene& scene) {
  return scene.map->find(node) != nullptr || (scene.proposal != nullptr && scene.proposal->find(node) != nullptr);
}

}  // namespace

void Joins::ask(const wire::Call& call, std::uint64_t wall_ms, const Scene& scene) {
  const NodeId id = call.node.id;
  std::optional<Answer> refused = judge_call(call, wall_ms, scene.map->settings, max_clock_skew_ms_);
  if (!refused && closed_) refused = closed_for_now();
  if (!refused) refused = judge_record(call.node, scene);
  for (const auto& [other, join] : joins_) {
    if (refused || other == id || !join.wanted || join.node.name != call.node.name) continue;
    refused = name_taken(join.node, call.node);
  }
  if (refused) {
    scene.waiting.answer(CallKind::join, id, *std::move(refused), scene.effects);
    return;
  }
  Join& join = joins_.try_emplace(id, Join{.node = call.node, .begun = scene.now}).first->second;
  join.from = call.from;
  join.wanted = true;
  join.activating = false;
  if (scene.map->find(id) == nullptr) join.node = call.node;
}

void Joins::ask_activation(NodeId node, const Scene& scene) {
  const auto found = joins_.find(node);
  if (found == joins_.end() || found->second.given_up || !is_joining(scene.map->find(node))) return;
  found->second.activating = true;
}

void Joins::give_up(NodeId node, const Scene& scene) {
  const auto found = joins_.find(node);
  if (found == joins_.end()) return;
  found->second.given_up = true;
  found->second.activating = false;
  refuse(found->second, refusal(Errc::cancelled, "the join was given up"), scene);
}

void Joins::close_abandoned(const Scene& scene) {
  for (auto& [id, join] : joins_) {
    if (!is_in_sight(id, scene) || is_member(scene.map->find(id))) join.given_up = false;
  }
  for (const NodeId id : scene.waiting.nodes(CallKind::abandon)) {
    const NodeRecord* node = scene.map->find(id);
    if (is_joining(node) || (node == nullptr && is_in_sight(id, scene))) continue;
    scene.waiting.answer(CallKind::abandon, id, node == nullptr ? Answer{} : member_already(*node), scene.effects);
  }
}

void Joins::adopt(const ClusterMap& map, Instant now) {
  for (const NodeRecord& node : map.nodes) {
    if (node.state == NodeState::joining) joins_.try_emplace(node.id, Join{.node = node, .begun = now});
  }
}

void Joins::remove_failed(const Scene& scene, MapChange& change) const {
  for (const auto& [id, join] : joins_) {
    if (!is_joining(change.map().find(id))) continue;
    if (join.given_up || !scene.is_alive(id)) change.remove_node(id);
  }
}

void Joins::activate(MapChange& change) const {
  for (const auto& [id, join] : joins_) {
    if (join.activating && is_joining(change.map().find(id))) change.activate(id);
  }
}

void Joins::admit(const Scene& scene, MapChange& change) {
  for (auto& [id, join] : joins_) {
    if (!join.wanted || join.given_up) continue;
    if (const NodeRecord* listed = scene.map->find(id)) {
      if (listed->state == NodeState::joining || change.map().find(id) == nullptr) continue;
      // Its vote, if it has one, is taken from it first.
      if (listed->state != NodeState::leaving && is_removable(change.map(), id)) {
        change.remove_node(id);
      } else if (primaries_of(change.map(), id) > 0) {
        refuse(join, member_already(*listed), scene);
      }
      continue;
    }
    std::optional<Answer> refused = closed_ ? std::optional(closed_for_now()) : std::nullopt;
    if (!refused) refused = make_room(join.node, scene, change);
    if (refused) {
      refuse(join, *std::move(refused), scene);
    } else {
      change.add_joining(join.node);
    }
  }
}

std::set<NodeId> Joins::starting_over(const ClusterMap& map) const {
  std::set<NodeId> nodes;
  for (const auto& [id, join] : joins_) {
    const NodeRecord* node = map.find(id);
    if (join.wanted && node != nullptr && node->state == NodeState::active) nodes.insert(id);
  }
  return nodes;
}

void Joins::count_moves(const ClusterMap& next, const std::vector<Move>& waiting) {
  for (auto& [id, join] : joins_) {
    if (join.total == 0 && is_member(next.find(id))) join.total = moves_to(id, next, waiting);
  }
}

bool Joins::awaits_quiet(const WaitingCalls& waiting) const {
  return !joins_.empty() || !waiting.nodes(CallKind::settle).empty();
}

void Joins::answer(const Scene& scene, bool quiet) {
  for (auto& [id, join] : joins_)
    answer_listed(join, scene);
  answer_activations(scene);
  answer_settled(scene, quiet);
  forget_finished(scene, quiet);
}

void Joins::refuse(Join& join, Answer answer, const Scene& scene) {
  join.wanted = false;
  scene.waiting.answer(CallKind::join, join.node.id, std::move(answer), scene.effects);
}

void Joins::answer_listed(Join& join, const Scene& scene) {
  if (!join.wanted || join.given_up || !is_joining(scene.map->find(join.node.id))) return;
  Answer answer;
  answer.map = scene.map;
  for (const NodeRecord& member : scene.map->nodes) {
    if (!is_member(&member) || !scene.is_alive(member.id)) continue;
    // A leader that is new has yet to hear of all members. One that says nothing is called down before long: to wait
    // for that is better than to let the joining node ask it for copies, in vain.
    if (!scene.reports.has(member.id)) return;
    answer.drop_copies |= join.from && scene.reports.may_hold_copies(member.id, join.from);
  }
  join.wanted = false;
  scene.waiting.answer(CallKind::join, join.node.id, std::move(answer), scene.effects);
}

void Joins::answer_activations(const Scene& scene) const {
  for (const NodeId id : scene.waiting.nodes(CallKind::activate)) {
    const auto join = joins_.find(id);
    Answer answer;
    const NodeRecord* node = scene.map->find(id);
    if (node != nullptr && node->state != NodeState::joining) {
      answer.map = scene.map;  // also where it was silent since then and counts as down
    } else if (join != joins_.end() && join->second.activating && is_joining(node)) {
      continue;
    } else if (scene.proposal != nullptr && is_member(scene.proposal->find(id))) {
      continue;
    } else {
      answer = refusal(Errc::not_applied,
                       "the cluster has given this join up (the node was silent for too long, or "
                       "abandoned it); start the join again");
    }
    scene.waiting.answer(CallKind::activate, id, std::move(answer), scene.effects);
  }
}

void Joins::answer_settled(const Scene& scene, bool quiet) {
  for (const NodeId id : scene.waiting.nodes(CallKind::settle)) {
    const NodeRecord* node = scene.map->find(id);
    if (node == nullptr) {
      scene.waiting.answer(CallKind::settle, id, refusal(Errc::not_applied, "this node is not a member of the cluster"),
                           scene.effects);
    } else if (node->state == NodeState::down) {
      // It asks, so it lives; its next heartbeats make it active again.
      scene.waiting.answer(CallKind::settle, id,
                           refusal_for_now(Errc::not_applied, "this node was silent and counts as down"),
                           scene.effects);
    } else if (node->state == NodeState::active && quiet) {
      scene.waiting.answer(CallKind::settle, id, {}, scene.effects);
    }
  }
}

void Joins::forget_finished(const Scene& scene, bool quiet) {
  std::erase_if(joins_, [&](const auto& entry) {
    const auto& [id, join] = entry;
    if (join.wanted || join.given_up || scene.waiting.has(CallKind::settle, id)) return false;
    const NodeRecord* node = scene.map->find(id);
    if (node == nullptr) return true;
    return node->state == NodeState::active ? quiet : !is_joining(node);
  });
}

void Joins::report(const ClusterMap& map, const std::vector<Move>& waiting, Instant now,
                   std::vector<wire::OperationReport>& reports) const {
  for (const auto& [id, join] : joins_) {
    const std::uint64_t left = std::min(join.total, moves_to(id, map, waiting));
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - join.begun);
    reports.push_back({.is_join = true,
                       .node = id,
                       .name = join.node.name,
                       .done = join.total - left,
                       .total = join.total,
                       .milliseconds = static_cast<std::uint64_t>(age.count())});
  }
}

}  // namespace dht::cluster
