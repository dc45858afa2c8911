#include "cluster/planner.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <limits>
#include <tuple>
#include <unordered_map>

namespace dht::cluster {

namespace {

/// Shares, and by which of them each partition is held.
struct Tally {
  static constexpr std::size_t kPinned = std::numeric_limits<std::size_t>::max();

  std::vector<Share> shares;         ///< as `plan_shares` gives them
  std::size_t members = 0;           ///< so many of the shares are members'
  std::vector<std::size_t> held_by;  ///< by partition: index of a share, or kPinned
};

std::vector<NodeId> sorted_without_repetition(std::span<const NodeId> ids) {
  std::vector<NodeId> result(ids.begin(), ids.end());
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

Tally count(std::span<const NodeId> holders, std::span<const NodeId> members, std::span<const NodeId> pinned) {
  Tally tally;
  std::unordered_map<NodeId, std::size_t> index;
  index.reserve(members.size() + pinned.size());
  for (const NodeId node : pinned)
    index.emplace(node, Tally::kPinned);
  const auto add = [&](NodeId node) {
    if (index.emplace(node, tally.shares.size()).second) tally.shares.push_back({.node = node});
  };
  for (const NodeId node : sorted_without_repetition(members))
    add(node);
  tally.members = tally.shares.size();

  std::vector<NodeId> leaving;
  for (const NodeId node : holders) {
    if (!index.contains(node)) leaving.push_back(node);
  }
  for (const NodeId node : sorted_without_repetition(leaving))
    add(node);

  tally.held_by.reserve(holders.size());
  for (const NodeId node : holders) {
    const std::size_t share = index.find(node)->second;
    tally.held_by.push_back(share);
    if (share != Tally::kPinned) ++tally.shares[share].held;
  }
  return tally;
}

void set_targets(Tally& tally) {
  if (tally.members == 0) return;
  std::size_t total = 0;
  for (const Share& share : tally.shares)
    total += share.held;
  const std::size_t even = total / tally.members;
  const std::size_t larger_shares = total % tally.members;

  std::vector<Share*> most_first;
  most_first.reserve(tally.members);
  for (std::size_t i = 0; i < tally.members; ++i)
    most_first.push_back(&tally.shares[i]);
  std::sort(most_first.begin(), most_first.end(),
            [](const Share* a, const Share* b) { return std::tuple(b->held, a->node) < std::tuple(a->held, b->node); });
  for (std::size_t i = 0; i < most_first.size(); ++i) {
    most_first[i]->target = static_cast<std::uint32_t>(even + (i < larger_shares ? 1 : 0));
  }
}

Tally tally_of(std::span<const NodeId> holders, std::span<const NodeId> members, std::span<const NodeId> pinned) {
  Tally tally = count(holders, members, pinned);
  set_targets(tally);
  return tally;
}

}  // namespace

std::vector<Share> plan_shares(std::span<const NodeId> holders, std::span<const NodeId> members,
                               std::span<const NodeId> pinned) {
  return tally_of(holders, members, pinned).shares;
}

std::vector<Move> plan_moves(std::span<const NodeId> holders, std::span<const NodeId> members,
                             std::span<const NodeId> pinned) {
  Tally tally = tally_of(holders, members, pinned);
  std::vector<Move> moves;
  if (tally.members == 0) return moves;

  std::deque<Share*> takers;
  for (Share& share : tally.shares) {
    if (share.held < share.target) takers.push_back(&share);
  }
  for (std::size_t p = 0; p < holders.size() && !takers.empty(); ++p) {
    if (tally.held_by[p] == Tally::kPinned) continue;
    Share& giver = tally.shares[tally.held_by[p]];
    if (giver.held <= giver.target) continue;
    Share& taker = *takers.front();
    takers.pop_front();
    moves.push_back({static_cast<PartitionId>(p), giver.node, taker.node});
    --giver.held;
    if (++taker.held < taker.target) takers.push_back(&taker);
  }
  return moves;
}

}  // namespace dht::cluster
