#include "endurance.h"

#include <algorithm>
#include <vector>

namespace dht::testing::simulation {
namespace {

constexpr std::ptrdiff_t kAmple = 3;

bool is_ample(const NodeStatus& leader, bool leaves) {
  const auto count = std::count_if(leader.members.begin(), leader.members.end(), [&](const MemberStatus& member) {
    return member.state == NodeState::active && member.lease && !(leaves && member.id == leader.id);
  });
  return count >= kAmple && leader.map->voters.size() >= kAmple && leader.map->next_voters.empty();
}

/// One dead voter in each list is all that a list of three can bear, and a list of one cannot bear it.
bool bears_loss(const std::vector<NodeId>& voters, const std::set<NodeId>& running, NodeId victim) {
  std::size_t dead = 0;
  for (const NodeId voter : voters)
    dead += voter == victim || !running.contains(voter) ? 1 : 0;
  return dead == 0 || (dead == 1 && voters.size() >= kAmple);
}

bool is_dead(const NodeRecord& node, const std::set<NodeId>& running) {
  return node.state != NodeState::down && node.state != NodeState::joining && !running.contains(node.id);
}

}  // namespace

void Endurance::look(Instant now, const NodeStatus* leader, bool leaves) {
  if (leader != nullptr && leaves) last_leave_ = now;
  if (leader == nullptr || !is_ample(*leader, leaves)) {
    ample_since_.reset();
  } else if (!ample_since_) {
    ample_since_ = now;
  }
}

bool Endurance::bears(Instant now, const ClusterMap& newest, bool leader_leaves, const std::set<NodeId>& running,
                      NodeId victim) const {
  const bool has_dead = std::any_of(newest.nodes.begin(), newest.nodes.end(),
                                    [&](const NodeRecord& node) { return is_dead(node, running); });
  if (has_dead) return false;
  if (!bears_loss(newest.voters, running, victim) || !bears_loss(newest.next_voters, running, victim)) return false;
  const bool hands_on = leader_leaves || (last_leave_ && now - *last_leave_ < memory_);
  const bool may_be_only_voter = victim == newest.leader || hands_on;
  return !may_be_only_voter || (ample_since_ && now - *ample_since_ >= memory_);
}

}  // namespace dht::testing::simulation
