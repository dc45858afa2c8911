#include "cluster/spread.h"

#include <algorithm>
#include <chrono>

#include "cluster/scene.h"

namespace dht::cluster {

namespace {

constexpr Duration kPushAgain = std::chrono::milliseconds(100);
// To those that are down. One may only have been away, while all whom it knows have gone: nobody else would tell it who
// leads.
constexpr Duration kPushToDown = std::chrono::seconds(1);

}  // namespace

bool Spread::acknowledge(NodeId node, Revision revision) {
  Revision& newest = acknowledged_[node];
  newest = std::max(newest, revision);
  const auto since = member_since_.find(node);
  if (since == member_since_.end() || newest < since->second) return false;
  member_since_.erase(since);
  return true;
}

void Spread::begin_membership(NodeId node, Revision since) {
  if (node != self_) member_since_[node] = since;
}

std::set<NodeId> Spread::not_settled_in() const {
  std::set<NodeId> nodes;
  for (const auto& [node, since] : member_since_)
    nodes.insert(node);
  return nodes;
}

bool Spread::has(NodeId node, Revision revision) const {
  const auto found = acknowledged_.find(node);
  return found != acknowledged_.end() && found->second >= revision;
}

bool Spread::everybody_has(const ClusterMap& map, Revision revision, const lease::GrantBook& grants,
                           Instant now) const {
  return std::all_of(map.nodes.begin(), map.nodes.end(), [&](const NodeRecord& node) {
    return !is_member(&node) || !grants.is_alive(node.id, now) || has(node.id, revision);
  });
}

std::vector<NodeId> Spread::first(const ClusterMap& map, Instant now) {
  const auto is_gone = [&](const auto& entry) { return map.find(entry.first) == nullptr; };
  std::erase_if(acknowledged_, is_gone);
  std::erase_if(sent_, is_gone);
  std::erase_if(member_since_, is_gone);
  std::vector<NodeId> targets;
  for (const NodeRecord& node : map.nodes) {
    if (node.id == self_ || node.state == NodeState::joining) continue;
    sent_[node.id] = now;
    // One that has just become a member hears of it by the answer to its call, and would refuse what comes before.
    if (!member_since_.contains(node.id)) targets.push_back(node.id);
  }
  return targets;
}

std::vector<NodeId> Spread::again(const ClusterMap& map, const lease::GrantBook& grants, Instant now) {
  std::vector<NodeId> targets;
  for (const NodeRecord& node : map.nodes) {
    const bool is_down = node.state == NodeState::down;
    const bool is_to_know = is_down || (is_member(&node) && grants.is_alive(node.id, now));
    if (node.id == self_ || !is_to_know || has(node.id, map.revision)) continue;
    const auto [sent, never] = sent_.try_emplace(node.id, now);
    if (!never && now - sent->second <= (is_down ? kPushToDown : kPushAgain)) continue;
    sent->second = now;
    targets.push_back(node.id);
  }
  return targets;
}

}  // namespace dht::cluster
