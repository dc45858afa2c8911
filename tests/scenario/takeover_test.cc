// Elections that go less smoothly than others (design.md 6).

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <doctest/doctest.h>

#include <dht/testing/cluster.h>

#include "../seeds.h"
#include "support/cluster_checks.h"

namespace {

using namespace std::chrono_literals;
using dht::Address;
using dht::Frame;
using dht::Lane;
using dht::testing::Cluster;
using dht::testing::PendingStatus;
using scenario::leader_of;

std::ptrdiff_t down_members(Cluster& cluster, std::size_t seen_by) {
  const dht::ClusterMapPtr map = cluster.node(seen_by).status().map;
  return std::count_if(map->nodes.begin(), map->nodes.end(),
                       [](const auto& node) { return node.state == dht::NodeState::down; });
}

/// A call that carries a map, which is to be accepted, or to be adopted where a leader sends it.
bool is_proposal(Lane lane, const Frame& frame) {
  constexpr std::uint16_t kCall = 32;       // of control messages, see wire_format.md
  constexpr std::size_t kCarriesMap = 300;  // no other call between members is as long
  return lane == Lane::control && frame.type == kCall && frame.payload.size() > kCarriesMap;
}

/// Runs until a voter has been asked to accept a map, and tells who asked. While there is no leader that is a
/// candidate.
std::size_t run_until_proposal(Cluster& cluster) {
  std::optional<Address> candidate;
  cluster.network().set_filter([&](const Address& from, const Address&, Lane lane, Frame frame) {
    if (is_proposal(lane, frame) && !candidate) candidate = from;
    return true;
  });
  REQUIRE(cluster.run_until([&] { return candidate.has_value(); }, 5s));
  cluster.network().set_filter({});
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (cluster.address(i) == *candidate) return i;
  }
  return cluster.size();
}

}  // namespace

TEST_CASE("a leader that hears of its election from others first leads once, and loses nobody's call") {
  int heard_first = 0;
  for (std::uint64_t seed = 1; seed <= dht::testing::seeds(200); ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 5, .seed = seed}};
    const std::size_t crashed = leader_of(cluster, 1);
    cluster.crash(crashed);
    const std::size_t elected = run_until_proposal(cluster);
    REQUIRE(elected < 5);
    std::size_t other = 5;
    for (std::size_t i = 0; i < 5; ++i) {
      if (i == crashed || i == elected) continue;
      cluster.network().cut_one_way(cluster.address(i), cluster.address(elected));
      other = i;
    }
    // Where enough of the others have accepted it, one of them finds that out when it stands for election itself.
    REQUIRE(cluster.run_until([&] { return leader_of(cluster, other) < 5; }, 10s));
    if (leader_of(cluster, other) != elected) continue;
    REQUIRE(leader_of(cluster, elected) != elected);
    cluster.network().heal();
    if (!cluster.run_until([&] { return leader_of(cluster, elected) == elected; }, 2s)) continue;
    ++heard_first;
    const PendingStatus left = cluster.leave(other);
    REQUIRE(cluster.run_until([&] { return left.is_done(); }, 8s));
    CHECK_FALSE(left.status());
  }
  CHECK(heard_first > 20);
}

TEST_CASE("a leader that has accepted another one itself, and that too few confirm, finds out who leads") {
  int replaced = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Cluster cluster{{.nodes = 5, .seed = seed}};
    cluster.run_for(1s);
    const std::size_t leader = leader_of(cluster, 1);
    const std::size_t crashed = (leader + 1) % 5;
    cluster.pause(leader);
    cluster.crash(crashed);
    // Of two voters that would elect a third one, none receives its map; the leader does, when it goes on.
    std::optional<Address> candidate;
    cluster.network().set_filter([&](const Address& from, const Address& to, Lane lane, Frame frame) {
      if (!is_proposal(lane, frame) || to == cluster.address(leader)) return true;
      candidate = from;
      return false;
    });
    REQUIRE(cluster.run_until([&] { return candidate.has_value(); }, 5s));
    cluster.resume(leader);
    cluster.run_for(300ms);
    cluster.network().set_filter({});
    // Somebody leads, and so can tell that the crashed one is gone.
    const std::size_t other = (leader + 2) % 5;
    REQUIRE(cluster.run_until([&] { return down_members(cluster, other) == 1; }, 5s));
    if (leader_of(cluster, other) != leader) ++replaced;
  }
  CHECK(replaced > 0);
}
