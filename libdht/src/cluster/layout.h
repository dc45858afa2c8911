// The layout: which nodes should hold each partition, as primary and as backups, so that all members hold the same
// share of both and as little as possible is copied. A pure function, and the same result on every node: it depends on
// what is held by whom, not on the order in which nodes are named.
//
// Members, pinned and leaving nodes are those of planner.h. A partition whose primary is pinned is not planned: it
// stays as it is and counts in nobody's share. Of the planned ones:
// - Each member is primary of an even share, rounded down or up, with as few changes of primary as `plan_moves` makes.
//   Among the ways to do so, as many as possible are promotions: the new primary was a backup, so nothing is copied.
//   For their sake a share may be rounded up for another node than `plan_moves` would choose. All further changes are
//   those of `plan_moves`, so without any backups the primaries are exactly as it has them.
// - Each has as many backups as are wanted, or as there are other members: distinct members, and not its primary. Each
//   member is backup of an even share, rounded down or up. Such shares exist whenever those of the primaries are even.
//   For the primaries chosen there are as few *new holders* as possible: (partition, node) pairs where the node did not
//   hold the partition before, as primary or backup.
//
// What is not promised: the primaries are chosen first, so others, by as few changes, might need fewer new holders in
// all. Of clusters small enough to try all layouts (4 nodes, 4 partitions) that is so for at most a few in a thousand,
// and never by more than one new holder. For the same reason, planning again after a partition has moved to its target
// may aim elsewhere, and need one new holder more than was left; in random clusters less than one move in a thousand
// brings that about. Who wants just what was planned keeps the plan while members, pinned nodes and copies are the
// same. A layout that is as planned stays as it is.
//
// Effort, for P partitions, N nodes and few copies: O(P log P + N) where nothing is to be done, and O(N) for each
// backup that is missing. What is out of balance is then handed on along shortest paths, many in one round; a round
// looks at each partition a few times, and the rounds are few.
//
// Thread rule: a pure function.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <dht/types.h>

namespace dht::cluster {

/// Who holds one partition.
struct Holding {
  NodeId primary{};
  std::vector<NodeId> backups{};

  bool operator==(const Holding&) const = default;
};

/// Who should hold each partition. `copies` >= 1 are wanted of each entry, the primary's included. The backups of what
/// is planned stand in ascending order of id. Without a member that is not pinned the result is `now`.
std::vector<Holding> plan_layout(std::span<const Holding> now, std::span<const NodeId> members,
                                 std::span<const NodeId> pinned, std::size_t copies);

}  // namespace dht::cluster
