// The planner: which partitions should move where, so that all members hold the same share. Pure functions, and the
// same result on every node: it depends on what is held by whom, not on the order in which nodes are named.
//
// Three kinds of nodes: *members* share all that is not pinned evenly; *pinned* nodes (silent, so nothing can be moved
// from or to them) keep what they hold; all others that hold something (they are leaving) give everything away.
//
// With U partitions not held by pinned nodes and M members, U mod M members are to hold floor(U/M) + 1 partitions and
// the rest floor(U/M). Those who hold most already get the larger shares, which makes the number of moves the least
// possible: the sum of what nodes hold above their shares. So carrying out part of a plan and planning again moves
// nothing twice.
//
// Effort: O(P + N log N) for P partitions and N nodes.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <dht/types.h>

namespace dht::cluster {

/// One partition to be moved.
struct Move {
  PartitionId partition = 0;
  NodeId from{};
  NodeId to{};

  bool operator==(const Move&) const = default;
};

/// What one node holds and what it should hold.
struct Share {
  NodeId node{};
  std::uint32_t held = 0;
  std::uint32_t target = 0;

  bool operator==(const Share&) const = default;
};

/// The shares of all members, in ascending order of id, then (with a target of zero) of the leaving nodes that hold
/// something, likewise. Pinned nodes are not listed. Arguments as for `plan_moves`.
std::vector<Share> plan_shares(std::span<const NodeId> holders, std::span<const NodeId> members,
                               std::span<const NodeId> pinned);

/// The moves that give every node its share, in ascending order of partition; the takers take turns, so that copying
/// from the start of the list keeps many nodes busy. Empty where the shares are even, and where there is no member.
///
/// `holders[p]` holds partition p, or will: where a copy is under way, its destination counts. `members` and `pinned`
/// stand in any order; a node in both is pinned.
std::vector<Move> plan_moves(std::span<const NodeId> holders, std::span<const NodeId> members,
                             std::span<const NodeId> pinned);

}  // namespace dht::cluster
