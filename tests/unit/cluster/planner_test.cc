#include "cluster/planner.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <doctest/doctest.h>

namespace dht::cluster {

namespace {

struct HeldCluster {
  std::vector<NodeId> holders;
  std::vector<NodeId> members;
  std::vector<NodeId> pinned;
};

using Counts = std::map<NodeId, std::uint32_t>;

Counts count(const std::vector<NodeId>& holders) {
  Counts counts;
  for (const NodeId node : holders)
    ++counts[node];
  return counts;
}

bool has(const std::vector<NodeId>& nodes, NodeId node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

std::vector<Move> moves_of(const HeldCluster& cluster) {
  return plan_moves(cluster.holders, cluster.members, cluster.pinned);
}

/// The least number of moves, found by moving single partitions from whoever has most over its due to whoever has
/// least, until all is even. Slow and simple: no targets are reckoned.
std::size_t naive_move_count(const HeldCluster& cluster) {
  Counts counts = count(cluster.holders);
  for (const NodeId node : cluster.pinned)
    counts.erase(node);
  std::vector<std::uint32_t> members;
  std::uint32_t leaving = 0;
  for (const NodeId node : cluster.members) {
    if (!has(cluster.pinned, node)) members.push_back(counts[node]);
    counts.erase(node);
  }
  for (const auto& [node, held] : counts)
    leaving += held;
  if (members.empty()) return 0;
  for (std::size_t moves = 0;; ++moves) {
    const auto [least, most] = std::minmax_element(members.begin(), members.end());
    if (leaving > 0) {
      --leaving;
    } else if (*most - *least > 1) {
      --*most;
    } else {
      return moves;
    }
    ++*least;
  }
}

/// Random ids, few or many partitions, holders from "one has all" to "anybody", some leaving, some pinned.
HeldCluster random_held_cluster(std::mt19937_64& random, std::size_t most_nodes, std::uint32_t most_partitions_log2) {
  const auto ids = [&random](std::size_t count) {
    std::set<NodeId> result;
    while (result.size() < count)
      result.insert(NodeId{random() | 1});
    std::vector<NodeId> shuffled(result.begin(), result.end());
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    return shuffled;
  };
  HeldCluster cluster;
  const std::vector<NodeId> nodes = ids(1 + random() % most_nodes);
  const std::size_t holding = 1 + random() % nodes.size();
  for (std::size_t p = std::size_t{1} << (random() % (most_partitions_log2 + 1)); p > 0; --p) {
    cluster.holders.push_back(nodes[random() % (1 + random() % holding)]);
  }
  const std::uint64_t leaving_percent = random() % 2 == 0 ? 0 : random() % 100;
  const std::uint64_t pinned_percent = random() % 2 == 0 ? 0 : random() % 100;
  for (const NodeId node : nodes) {
    if (random() % 100 < pinned_percent) {
      cluster.pinned.push_back(node);
    } else if (random() % 100 >= leaving_percent) {
      cluster.members.push_back(node);
    }
  }
  return cluster;
}

/// Everything that a plan promises except that its moves are the fewest possible.
void check_plan(const HeldCluster& cluster, const std::vector<Move>& moves) {
  std::vector<NodeId> after = cluster.holders;
  std::size_t wrong = 0;
  PartitionId next = 0;
  for (const Move& move : moves) {
    if (move.partition < next || move.partition >= after.size()) ++wrong;  // ascending, so each at most once
    REQUIRE(move.partition < after.size());
    next = move.partition + 1;
    if (after[move.partition] != move.from || move.to == move.from) ++wrong;
    if (has(cluster.pinned, move.from) || has(cluster.pinned, move.to)) ++wrong;
    if (!has(cluster.members, move.to)) ++wrong;
    after[move.partition] = move.to;
  }
  CHECK(wrong == 0);

  std::vector<NodeId> sharing;
  for (const NodeId node : cluster.members) {
    if (!has(cluster.pinned, node)) sharing.push_back(node);
  }
  if (sharing.empty()) {
    CHECK(moves.empty());
    return;
  }
  Counts counts = count(after);
  std::uint32_t pinned = 0;
  for (const NodeId node : cluster.pinned)
    pinned += counts[node];
  const auto total = static_cast<std::uint32_t>(after.size()) - pinned;
  const auto even = total / static_cast<std::uint32_t>(sharing.size());
  std::uint32_t shared = 0;
  std::size_t uneven = 0;
  for (const NodeId node : sharing) {
    shared += counts[node];
    if (counts[node] != even && (counts[node] != even + 1 || total % sharing.size() == 0)) ++uneven;
  }
  CHECK(uneven == 0);
  CHECK(shared == total);  // so those who leave hold nothing
}

}  // namespace

TEST_CASE("without members nothing moves") {
  const std::vector<NodeId> holders{{1}, {1}, {2}};
  CHECK(plan_moves(holders, {}, {}).empty());
  CHECK(plan_moves(holders, {}, std::vector<NodeId>{{1}}).empty());
  CHECK(plan_moves({}, {}, {}).empty());
  CHECK(plan_shares(holders, {}, {}) == std::vector<Share>{{{1}, 2, 0}, {{2}, 1, 0}});
}

TEST_CASE("a node that joins takes its share and nobody else takes anything") {
  const std::vector<NodeId> holders{{1}, {1}, {1}, {1}, {2}, {2}, {2}, {2}};
  const std::vector<NodeId> members{{1}, {2}, {3}};
  CHECK(plan_shares(holders, members, {}) == std::vector<Share>{{{1}, 4, 3}, {{2}, 4, 3}, {{3}, 0, 2}});
  CHECK(plan_moves(holders, members, {}) == std::vector<Move>{{0, {1}, {3}}, {4, {2}, {3}}});
}

TEST_CASE("a node that leaves gives all to the others, who take turns") {
  const std::vector<NodeId> holders{{1}, {2}, {3}, {3}, {3}, {3}};
  const std::vector<NodeId> members{{2}, {1}};
  CHECK(plan_shares(holders, members, {}) == std::vector<Share>{{{1}, 1, 3}, {{2}, 1, 3}, {{3}, 4, 0}});
  CHECK(plan_moves(holders, members, {}) ==
        std::vector<Move>{{2, {3}, {1}}, {3, {3}, {2}}, {4, {3}, {1}}, {5, {3}, {2}}});
}

TEST_CASE("who holds most already gets the larger shares") {
  const std::vector<NodeId> holders{{1}, {2}, {2}, {2}, {3}};
  const std::vector<NodeId> members{{1}, {2}, {3}};
  CHECK(plan_shares(holders, members, {}) == std::vector<Share>{{{1}, 1, 2}, {{2}, 3, 2}, {{3}, 1, 1}});
  CHECK(plan_moves(holders, members, {}).size() == 1);
}

TEST_CASE("pinned nodes neither give nor take and the others share the rest") {
  const std::vector<NodeId> holders{{1}, {1}, {1}, {1}, {1}, {2}, {2}, {2}};
  const std::vector<NodeId> members{{2}, {3}};
  CHECK(plan_moves(holders, members, std::vector<NodeId>{{1}}) == std::vector<Move>{{5, {2}, {3}}});
  // Pinned wins over member.
  CHECK(plan_moves(holders, std::vector<NodeId>{{1}, {2}, {3}}, std::vector<NodeId>{{1}}) ==
        std::vector<Move>{{5, {2}, {3}}});
}

TEST_CASE("with more nodes than partitions some hold nothing and nothing moves twice") {
  const std::vector<NodeId> holders{{4}, {4}};
  const std::vector<NodeId> members{{1}, {2}, {3}, {4}};
  CHECK(plan_moves(holders, members, {}) == std::vector<Move>{{0, {4}, {1}}});
}

TEST_CASE("any cluster becomes even with the fewest moves possible") {
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const HeldCluster cluster = random_held_cluster(random, 20, 8);
    const std::vector<Move> moves = moves_of(cluster);
    check_plan(cluster, moves);
    CHECK(moves.size() == naive_move_count(cluster));
  }
}

TEST_CASE("large clusters of up to 1,000 nodes and 16,384 partitions become even, too") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const HeldCluster cluster = random_held_cluster(random, 1000, 14);
    const std::vector<Move> moves = moves_of(cluster);
    check_plan(cluster, moves);
    std::size_t above_target = 0;
    bool anybody_shares = false;
    for (const Share& share : plan_shares(cluster.holders, cluster.members, cluster.pinned)) {
      if (share.held > share.target) above_target += share.held - share.target;
      anybody_shares = anybody_shares || share.target > 0;
    }
    CHECK(moves.size() == (anybody_shares ? above_target : 0));
  }
}

TEST_CASE("the plan does not depend on the order or the repetition of nodes") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    std::mt19937_64 random(seed);
    HeldCluster cluster = random_held_cluster(random, 30, 8);
    const std::vector<Move> moves = moves_of(cluster);
    std::shuffle(cluster.members.begin(), cluster.members.end(), random);
    std::shuffle(cluster.pinned.begin(), cluster.pinned.end(), random);
    CHECK(moves_of(cluster) == moves);
    cluster.members.insert(cluster.members.end(), cluster.members.begin(), cluster.members.end());
    CHECK(moves_of(cluster) == moves);
  }
}

TEST_CASE("planning again after part of the moves asks for as many as were left, and after all of them for none") {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    std::mt19937_64 random(seed);
    HeldCluster cluster = random_held_cluster(random, 20, 8);
    std::vector<Move> moves = moves_of(cluster);
    std::shuffle(moves.begin(), moves.end(), random);
    const std::size_t done = moves.empty() ? 0 : random() % moves.size();
    for (std::size_t i = 0; i < done; ++i)
      cluster.holders[moves[i].partition] = moves[i].to;
    const std::vector<Move> rest = moves_of(cluster);
    CHECK(rest.size() == moves.size() - done);
    for (const Move& move : rest)
      cluster.holders[move.partition] = move.to;
    CHECK(moves_of(cluster).empty());
  }
}

TEST_CASE("takers take turns: in any stretch of the plan they get about the same") {
  const std::vector<NodeId> holders(1024, NodeId{1});
  const std::vector<NodeId> members{{1}, {2}, {3}, {4}};
  const std::vector<Move> moves = plan_moves(holders, members, {});
  REQUIRE(moves.size() == 768);
  Counts counts;
  for (std::size_t i = 0; i < 99; ++i)
    ++counts[moves[i].to];
  for (const std::uint64_t taker : {2u, 3u, 4u})
    CHECK(counts[NodeId{taker}] == 33);
}

}  // namespace dht::cluster
