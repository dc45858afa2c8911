#include "simulation/endurance.h"

#include <chrono>
#include <set>

#include <doctest/doctest.h>

namespace dht::testing::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{1min};

ClusterMap map_of(std::size_t nodes, std::size_t voters) {
  ClusterMap map;
  map.leader = NodeId{1};
  for (std::size_t i = 1; i <= nodes; ++i) {
    map.nodes.push_back({.id = NodeId{i}, .state = NodeState::active});
    if (i <= voters) map.voters.push_back(NodeId{i});
  }
  return map;
}

NodeStatus leader_of(const ClusterMap& map, std::size_t leases) {
  NodeStatus status;
  status.id = map.leader;
  status.map = std::make_shared<const ClusterMap>(map);
  for (const NodeRecord& node : map.nodes)
    status.members.push_back({.id = node.id, .state = node.state, .lease = status.members.size() < leases});
  return status;
}

std::set<NodeId> all_of(const ClusterMap& map) {
  std::set<NodeId> ids;
  for (const NodeRecord& node : map.nodes)
    ids.insert(node.id);
  return ids;
}

/// Whether the loss is borne by a cluster that has been as its leader says for a second.
bool bears(const ClusterMap& map, const std::set<NodeId>& running, NodeId victim) {
  Endurance endurance(1s);
  const NodeStatus leader = leader_of(map, map.nodes.size());
  endurance.look(kNow - 1s, &leader, false);
  return endurance.bears(kNow, map, false, running, victim);
}

TEST_CASE("three members bear the crash of any one of them") {
  const ClusterMap map = map_of(3, 3);
  for (std::uint64_t victim = 1; victim <= 3; ++victim)
    CHECK(bears(map, all_of(map), NodeId{victim}));
}

TEST_CASE("two members bear the crash of the one that is not the voter") {
  const ClusterMap map = map_of(2, 1);
  CHECK_FALSE(bears(map, all_of(map), NodeId{1}));
  CHECK(bears(map, all_of(map), NodeId{2}));
}

TEST_CASE("no second crash is borne before the first has been noticed") {
  ClusterMap map = map_of(5, 3);
  std::set<NodeId> running = all_of(map);
  running.erase(NodeId{5});
  CHECK_FALSE(bears(map, running, NodeId{4}));
  map.nodes[4].state = NodeState::down;
  CHECK(bears(map, running, NodeId{4}));
}

TEST_CASE("no second voter may crash before the first has been replaced, of the voters of now or of those to come") {
  ClusterMap map = map_of(5, 3);
  map.nodes[1].state = NodeState::down;
  std::set<NodeId> running = all_of(map);
  running.erase(NodeId{2});
  CHECK_FALSE(bears(map, running, NodeId{3}));
  map = map_of(5, 3);
  map.next_voters = {NodeId{3}};
  CHECK_FALSE(bears(map, all_of(map), NodeId{3}));
  CHECK(bears(map, all_of(map), NodeId{2}));
}

TEST_CASE("the leader may crash only where it has not been nearly alone for a while") {
  const ClusterMap map = map_of(3, 3);
  const NodeStatus ample = leader_of(map, 3);
  const NodeStatus thin = leader_of(map, 2);
  Endurance endurance(1s);
  CHECK_FALSE(endurance.bears(kNow, map, false, all_of(map), NodeId{1}));
  endurance.look(kNow, &ample, false);
  CHECK_FALSE(endurance.bears(kNow + 900ms, map, false, all_of(map), NodeId{1}));
  CHECK(endurance.bears(kNow + 1s, map, false, all_of(map), NodeId{1}));
  endurance.look(kNow + 1s, &thin, false);
  endurance.look(kNow + 1100ms, &ample, false);
  CHECK_FALSE(endurance.bears(kNow + 2s, map, false, all_of(map), NodeId{1}));
  endurance.look(kNow + 2s, nullptr, false);
  CHECK_FALSE(endurance.bears(kNow + 4s, map, false, all_of(map), NodeId{1}));
}

TEST_CASE("while the leader leaves, everybody may be its only successor where members are few") {
  const ClusterMap map = map_of(3, 1);
  const NodeStatus leader = leader_of(map, 3);
  Endurance endurance(1s);
  CHECK(endurance.bears(kNow, map, false, all_of(map), NodeId{2}));
  CHECK_FALSE(endurance.bears(kNow, map, true, all_of(map), NodeId{2}));
  endurance.look(kNow, &leader, true);
  // What it proposed may have been accepted, whatever became of its leave.
  CHECK_FALSE(endurance.bears(kNow + 900ms, map, false, all_of(map), NodeId{2}));
  CHECK(endurance.bears(kNow + 1s, map, false, all_of(map), NodeId{2}));
}

TEST_CASE("while the leader leaves, any other may crash where three more hold a lease") {
  const ClusterMap map = map_of(4, 3);
  const NodeStatus ample = leader_of(map, 4);
  const NodeStatus thin = leader_of(map, 3);
  Endurance endurance(1s);
  endurance.look(kNow, &ample, true);
  CHECK(endurance.bears(kNow + 1s, map, true, all_of(map), NodeId{2}));
  endurance.look(kNow + 1s, &thin, true);
  CHECK_FALSE(endurance.bears(kNow + 1s, map, true, all_of(map), NodeId{2}));
}

}  // namespace
}  // namespace dht::testing::simulation
