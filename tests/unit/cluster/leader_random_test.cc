// Whole histories of joins, leaves, silences and changes of the leadership against one leader, from seeds.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "../../seeds.h"
#include "cluster/scene.h"
#include "leader_world.h"

namespace dht::testing {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Whether every node of the map holds its even share.
bool is_even(const ClusterMap& map) {
  std::vector<std::uint64_t> shares;
  for (const NodeRecord& node : map.nodes)
    shares.push_back(cluster::primaries_of(map, node.id));
  const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
  return *most - *least <= 1;
}

/// One random thing happens to a random node.
void disturb(LeaderWorld& world) {
  constexpr std::uint64_t kNodes = 8;
  const std::uint64_t node = 1 + world.random()() % kNodes;
  switch (world.random()() % 10) {
    case 0:
    case 1:
    case 2:
      if (world.is_idle(node) && !world.is_member(node)) world.join(node);
      break;
    case 3:
    case 4:
      if (world.is_idle(node) && world.is_member(node) && world.map().nodes.size() > 1) world.leave(node);
      break;
    case 5:
      if (!world.is_idle(node)) world.abandon(node);
      break;
    case 6:
      if (world.is_member(node) || !world.is_idle(node)) {
        world.silence(node, milliseconds(200 + world.random()() % 3000));
      }
      break;
    case 7:
      if (world.random()() % 3 == 0) world.hand_leadership_over();
      break;
    case 8:
      world.depose_leader();
      break;
    case 9:
      for (const NodeRecord& member : world.map().nodes) {
        if (member.state == NodeState::down) world.forget(member.id.value);
      }
      break;
  }
}

}  // namespace

TEST_CASE("5, 6, 7, 8: whatever happens, no map is unsafe; and when it is over, everything comes to its end") {
  std::size_t moves = 0;
  std::size_t forgotten = 0;
  const std::uint64_t seeds = dht::testing::seeds(400);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    LeaderWorld world({.seed = seed});
    const std::uint64_t events = 10 + world.random()() % 30;
    for (std::uint64_t i = 0; i < events; ++i) {
      world.run_for(milliseconds(world.random()() % 1500));
      disturb(world);
    }
    REQUIRE_MESSAGE(world.run_until_quiet(seconds(120)), world.fault() << to_string(world.map()));
    world.end_trouble();
    world.run_for(seconds(10));
    REQUIRE_MESSAGE(world.fault().empty(), world.fault());
    CHECK(world.is_quiet());
    CHECK(world.unanswered() == 0);
    CHECK(is_even(world.map()));
    const std::size_t most_voters = std::min<std::size_t>(world.map().nodes.size(), 5);
    CHECK(world.map().voters.size() == (most_voters - 1) / 2 * 2 + 1);
    CHECK(world.map().next_voters.empty());
    for (const NodeRecord& node : world.map().nodes)
      CHECK(node.state == NodeState::active);
    CHECK(world.changes() < 60 * events + world.moves() * 4);
    const std::size_t settled = world.changes();
    world.run_for(seconds(30));
    CHECK(world.changes() == settled);
    moves += world.moves();
    forgotten += world.forgotten();
  }
  CHECK(moves > seeds * 2);
  CHECK(forgotten > seeds / 20);
}

TEST_CASE("7: ten nodes join one after the other: each join moves one share and no more, in few changes") {
  constexpr std::uint32_t kPartitions = 1024;
  LeaderWorld world({.seed = 1, .partitions = kPartitions, .max_moves_per_node = 64, .trouble = false});
  for (std::uint64_t node = 2; node <= 10; ++node) {
    const std::size_t moves = world.moves();
    const std::size_t changes = world.changes();
    world.join(node);
    REQUIRE_MESSAGE(world.run_until_quiet(seconds(30)), world.fault());
    CHECK(world.moves() - moves == kPartitions / node);
    CHECK(world.changes() - changes <= 50);
    CHECK(is_even(world.map()));
  }
  CHECK(world.unanswered() == 0);
}

TEST_CASE("8: joins that come together are one rebalancing") {
  LeaderWorld world({.seed = 2, .partitions = 256, .trouble = false});
  for (std::uint64_t node = 2; node <= 8; ++node)
    world.join(node);
  REQUIRE_MESSAGE(world.run_until_quiet(seconds(60)), world.fault());
  CHECK(world.map().nodes.size() == 8);
  CHECK(is_even(world.map()));
  CHECK(world.moves() <= 256 * 7 / 8 + 8);
}

}  // namespace dht::testing
