#include "cluster/layout.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/assert.h"
#include "cluster/planner.h"

namespace dht::cluster {

namespace {

/// Nodes, and the partitions that are planned, by number.
using Index = std::uint32_t;
using Indices = std::vector<Index>;
constexpr Index kNobody = std::numeric_limits<Index>::max();
constexpr int kUnreached = std::numeric_limits<int>::max() / 2;  ///< above all costs

/// One partition's seats of one kind: the primary's, or the backups'.
struct SeatRow {
  Indices taken{};                ///< sorted
  Indices free{};                 ///< nodes that may sit here at no cost, sorted
  std::span<const Index> dear{};  ///< nodes that may sit here at a cost of one, except those above
  Index barred = kNobody;         ///< may not sit here, whatever the lists say

  int cost(Index node) const { return std::binary_search(free.begin(), free.end(), node) ? 0 : 1; }
  bool open_to(Index node) const { return node != barred && !std::binary_search(taken.begin(), taken.end(), node); }
  void seat(Index node) { taken.insert(std::lower_bound(taken.begin(), taken.end(), node), node); }
  void unseat(Index node) { taken.erase(std::lower_bound(taken.begin(), taken.end(), node)); }
};

/// Gives every member an even share of all seats, at the least cost.
///
/// This is a flow of minimum cost, by successive shortest paths. A path begins at a node with too many seats and ends
/// at one with too few; from each node on it one seat goes to the next. Two things make the cost the least: at first
/// all sit where it costs least, and only shortest paths are taken. So there never is a round trip of negative cost.
///
/// All members get the share rounded up. What is missing for that are the seats of a makeshift partition, free for all
/// members: who sits there has one real seat less.
class Balance {
 public:
  /// Members come first among the nodes; the others are to give all away.
  Balance(std::vector<SeatRow>& partitions, std::size_t nodes, std::size_t members)
      : partitions_(partitions), seats_(nodes), target_(nodes), distance_(nodes) {
    std::size_t total = 0;
    for (Index p = 0; p < partitions_.size(); ++p) {
      for (const Index node : partitions_[p].taken)
        seats_[node].push_back(p);
      total += partitions_[p].taken.size();
    }
    const std::size_t share = (total + members - 1) / members;
    std::fill_n(target_.begin(), members, share);
    Indices fewest_first(members);
    std::iota(fewest_first.begin(), fewest_first.end(), Index{0});
    SeatRow makeshift{.free = fewest_first};
    std::stable_sort(fewest_first.begin(), fewest_first.end(),
                     [&](Index a, Index b) { return seats_[a].size() < seats_[b].size(); });
    for (const Index node : std::span(fewest_first).first(share * members - total)) {
      seats_[node].insert(seats_[node].begin(), static_cast<Index>(partitions_.size()));
      makeshift.seat(node);
    }
    partitions_.push_back(std::move(makeshift));
  }

  /// Until all is balanced, or a path would cost more than this.
  void run(int dearest) {
    while (find_nearest_end() <= dearest && take_shortest_paths())
      continue;
    partitions_.pop_back();
  }

 private:
  bool has_too_many(Index node) const { return seats_[node].size() > target_[node]; }
  bool has_too_few(Index node) const { return seats_[node].size() < target_[node]; }
  bool is_makeshift(Index partition) const { return partition + 1 == partitions_.size(); }

  /// Distances are from the nearest beginning. Steps that undo what was costly have a negative cost.
  int find_nearest_end() {
    for (Index node = 0; node < seats_.size(); ++node)
      distance_[node] = has_too_many(node) ? 0 : kUnreached;
    makeshift_from_ = kUnreached;
    for (bool nearer = true; nearer;) {
      nearer = false;
      for (Index node = 0; node < seats_.size(); ++node)
        nearer = (distance_[node] < kUnreached && reach_from(node)) || nearer;
    }
    nearest_end_ = kUnreached;
    for (Index node = 0; node < seats_.size(); ++node) {
      if (has_too_few(node)) nearest_end_ = std::min(nearest_end_, distance_[node]);
    }
    return nearest_end_;
  }

  bool reach_from(Index node) {
    bool nearer = false;
    int farthest = kUnreached;
    for (const Index p : seats_[node]) {
      if (is_makeshift(p)) {
        // All its seats are free for everybody, so from all its holders it leads to the same nodes, as far from each as
        // that one is itself. Where it was looked at from one no farther, and distances only shrink, nothing is nearer.
        if (distance_[node] >= makeshift_from_) continue;
        makeshift_from_ = distance_[node];
      }
      const SeatRow& seats = partitions_[p];
      const auto reach = [&](std::span<const Index> nodes, int distance) {
        for (const Index next : nodes) {
          if (distance >= distance_[next] || !seats.open_to(next)) continue;
          distance_[next] = distance;
          nearer = true;
        }
      };
      const int without = distance_[node] - seats.cost(node);
      reach(seats.free, without);
      // The dear may be everybody. Few partitions suffice to reach all of them; the others need not try.
      if (without + 1 >= farthest) continue;
      reach(seats.dear, without + 1);
      farthest = *std::max_element(distance_.begin(), distance_.end());
    }
    return nearer;
  }

  /// Depth first, each node's seats in turn. Who has failed is not asked again: paths taken elsewhere open none from
  /// there. What is missed because a node was in use when asked is left to the next round.
  bool take_shortest_paths() {
    failed_.assign(seats_.size(), false);
    tried_.assign(seats_.size(), 0);
    bool any = false;
    for (Index node = 0; node < seats_.size(); ++node) {
      while (has_too_many(node) && !failed_[node] && give(node))
        any = true;
    }
    return any;
  }

  bool give(Index node) {
    failed_[node] = true;  // for now, so that the path does not come back here
    for (std::size_t& at = tried_[node]; at < seats_[node].size(); ++at) {
      const Index p = seats_[node][at];
      Index next = taker(node, partitions_[p], true);
      if (next == kNobody) next = taker(node, partitions_[p], false);
      if (next == kNobody) continue;
      seats_[node].erase(seats_[node].begin() + static_cast<std::ptrdiff_t>(at));
      seats_[next].push_back(p);
      partitions_[p].unseat(node);
      partitions_[p].seat(next);
      failed_[node] = false;
      return true;
    }
    return false;
  }

  /// Who takes the node's seat: the end of a shortest path, or one that has just handed on another seat.
  Index taker(Index node, const SeatRow& seats, bool at_end) {
    const int without = distance_[node] - seats.cost(node);
    for (const int cost : {0, 1}) {
      for (const Index next : cost == 0 ? std::span<const Index>(seats.free) : seats.dear) {
        if (distance_[next] != without + cost || failed_[next] || has_too_many(next)) continue;
        if (has_too_few(next) != at_end || (at_end && distance_[next] != nearest_end_)) continue;
        if (seats.cost(next) == cost && seats.open_to(next) && (at_end || give(next))) return next;
      }
    }
    return kNobody;
  }

  std::vector<SeatRow>& partitions_;
  std::vector<Indices> seats_;  ///< by node: the partitions where it sits
  std::vector<std::size_t> target_;
  std::vector<int> distance_;
  int nearest_end_ = kUnreached;
  int makeshift_from_ = kUnreached;  ///< the least distance of a holder from where the makeshift partition was tried
  std::vector<bool> failed_{};
  std::vector<std::size_t> tried_{};  ///< by node: the first so many of its seats cannot be handed on in this round
};

class LayoutPlan {
 public:
  LayoutPlan(std::span<const Holding> now, std::span<const NodeId> members, std::span<const NodeId> pinned)
      : now_(now), result_(now.begin(), now.end()), member_count_(plan_shares({}, members, pinned).size()) {
    for (const Share& share : plan_shares(primaries(), members, pinned)) {
      index_.emplace(share.node, static_cast<Index>(nodes_.size()));
      nodes_.push_back(share.node);
    }
    for (PartitionId p = 0; p < now.size(); ++p) {
      if (index_.contains(now[p].primary)) planned_.push_back(p);
    }
  }

  std::vector<Holding> make(std::span<const NodeId> members, std::span<const NodeId> pinned, std::size_t copies) {
    if (member_count_ == 0) return std::move(result_);
    promote();
    for (const Move& move : plan_moves(primaries(), members, pinned))
      result_[move.partition].primary = move.to;
    choose_backups(std::min(copies, member_count_) - 1);
    return std::move(result_);
  }

 private:
  std::vector<NodeId> primaries() const {
    std::vector<NodeId> nodes(result_.size());
    std::transform(result_.begin(), result_.end(), nodes.begin(), [](const Holding& each) { return each.primary; });
    return nodes;
  }

  /// The members that hold the partition, but one.
  Indices holders(PartitionId partition, Index without) const {
    std::vector<NodeId> all = now_[partition].backups;
    all.push_back(now_[partition].primary);
    Indices nodes;
    for (const NodeId node : all) {
      const auto found = index_.find(node);
      if (found == index_.end() || found->second >= member_count_ || found->second == without) continue;
      nodes.push_back(found->second);
    }
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    return nodes;
  }

  /// Every change costs one here. So a path that costs no more than one saves `plan_moves` a change, and where the
  /// shortest costs more no promotion can do so.
  void promote() {
    std::vector<Indices> backups;
    backups.reserve(planned_.size());  // seats refer to them
    std::vector<SeatRow> seats;
    for (const PartitionId p : planned_) {
      const Index primary = index_.at(now_[p].primary);
      seats.push_back({.taken = {primary}, .free = {primary}, .dear = backups.emplace_back(holders(p, primary))});
    }
    Balance(seats, nodes_.size(), member_count_).run(1);
    for (std::size_t i = 0; i < planned_.size(); ++i)
      result_[planned_[i]].primary = nodes_[seats[i].taken.front()];
  }

  void choose_backups(std::size_t wanted) {
    // Partitions in an order that has neighbours far from each other, and each asks another member first: so what is
    // handed on in turn comes from all over the table, and the partitions of one primary have their backups at many.
    std::ranges::sort(planned_, {}, [](PartitionId partition) { return partition * 0x9e3779b1U; });
    Indices everybody(2 * member_count_);
    for (std::size_t i = 0; i < everybody.size(); ++i)
      everybody[i] = static_cast<Index>(i % member_count_);
    load_.assign(member_count_, 0);
    std::vector<SeatRow> seats;
    for (const PartitionId p : planned_) {
      const Index primary = index_.at(result_[p].primary);
      const Indices all = holders(p, primary);
      const auto first = everybody.begin() + static_cast<std::ptrdiff_t>(seats.size() % member_count_);
      seats.push_back({.taken = all, .free = all, .dear = {first, member_count_}, .barred = primary});
      for (const Index node : all)
        ++load_[node];
    }
    for (std::size_t i = 0; i < planned_.size(); ++i) {
      while (seats[i].taken.size() > wanted)
        drop_one(planned_[i], seats[i]);
      while (seats[i].taken.size() < wanted)
        add_one(seats[i]);
    }
    Balance(seats, member_count_, member_count_).run(kUnreached - 1);
    for (std::size_t i = 0; i < planned_.size(); ++i) {
      std::vector<NodeId>& backups = result_[planned_[i]].backups;
      backups.resize(wanted);
      std::transform(seats[i].taken.begin(), seats[i].taken.end(), backups.begin(), [&](Index k) { return nodes_[k]; });
    }
  }

  /// Who has most seats goes, but last the former primary where a backup has taken its place: they change roles.
  void drop_one(PartitionId partition, SeatRow& seats) {
    const auto& [primary, backups] = now_[partition];
    const bool promoted = std::ranges::find(backups, result_[partition].primary) != backups.end();
    const Index last = promoted ? index_.at(primary) : kNobody;
    const Index most = *std::max_element(seats.taken.begin(), seats.taken.end(), [&](Index a, Index b) {
      return std::tuple(a != last, load_[a], a) < std::tuple(b != last, load_[b], b);
    });
    --load_[most];
    seats.unseat(most);
  }

  void add_one(SeatRow& seats) {
    Index least = kNobody;
    for (const Index node : seats.dear) {
      if ((least == kNobody || load_[node] < load_[least]) && seats.open_to(node)) least = node;
    }
    ++load_[least];
    seats.seat(least);
  }

  std::span<const Holding> now_;
  std::vector<Holding> result_;
  std::size_t member_count_;
  std::vector<NodeId> nodes_{};  ///< members in ascending order of id, then leaving primaries
  std::unordered_map<NodeId, Index> index_{};
  std::vector<PartitionId> planned_{};
  std::vector<std::size_t> load_{};  ///< by member: seats as a backup
};

}  // namespace

std::vector<Holding> plan_layout(std::span<const Holding> now, std::span<const NodeId> members,
                                 std::span<const NodeId> pinned, std::size_t copies) {
  DHT_ASSERT(copies >= 1);
  return LayoutPlan(now, members, pinned).make(members, pinned, copies);
}

}  // namespace dht::cluster
