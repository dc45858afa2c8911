// ClusterMap: who is a member and who holds which partition. The one value that all nodes agree on.
//
// A plain value. Changes are pure functions from a map to a map (libdht/src/cluster/map_change.h); each asserts the
// invariants that `violation()` spells out.
//
// Thread rule: a plain value; nodes share it as `std::shared_ptr<const ClusterMap>`, since many threads route by one
// map.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dht/types.h>

namespace dht {

/// Fixed when a cluster is founded.
struct ClusterSettings {
  std::uint32_t partitions = 1024;  ///< a power of two, 1..16384
  std::uint32_t replicas = 1;       ///< copies of each entry, the primary's included; 1..kMostReplicas
  std::uint32_t lease_ms = 1000;    ///< how long a node may serve, or lead, without word of a majority; 10..60000

  bool operator==(const ClusterSettings&) const = default;
};
/// Where nothing else is asked for; one crash then costs no data.
inline constexpr std::uint32_t kDefaultReplicas = 2;
inline constexpr std::uint32_t kMostReplicas = 7;
inline constexpr std::uint32_t kShortestLeaseMs = 10;
inline constexpr std::uint32_t kLongestLeaseMs = 60'000;

enum class NodeState : std::uint8_t {
  joining,  ///< known, but still serving a table of its own; holds nothing here
  active,   ///< a full member
  leaving,  ///< still serving what it holds, and handing it over
  down,     ///< gone; what it held alone is unserved until that very incarnation speaks again
};
std::string_view to_string(NodeState state) noexcept;

struct NodeRecord {
  NodeId id{};
  std::string name{};
  Address address{};
  NodeState state = NodeState::joining;

  bool operator==(const NodeRecord&) const = default;
};

struct LearnerRecord {
  NodeId node{};
  Revision since = 0;  ///< the revision that added it: a promotion names it, so that a stale report promotes nobody
  bool has_old_copy = false;  ///< of which it may need only what is new

  bool operator==(const LearnerRecord&) const = default;
};

struct PartitionRecord {
  Epoch epoch = 0;  ///< grows whenever the primary or the backups change
  /// The epoch in which the primary took over: it begins as a new one then, even where it was primary before. Later
  /// epochs differ from it in the backups alone.
  Epoch primary_since = 1;
  /// The epoch in which it was begun with nothing in it: at the founding, or when its loss was accepted.
  Epoch empty_from = 1;
  /// All versions given since then are greater: what was lost may have had any up to it.
  Version floor = 0;
  NodeId primary{};
  std::vector<NodeId> backups{};
  std::vector<LearnerRecord> learners{};

  bool operator==(const PartitionRecord&) const = default;

  bool has_backup(NodeId node) const noexcept {
    return std::find(backups.begin(), backups.end(), node) != backups.end();
  }
  bool has_learner(NodeId node) const noexcept {
    return std::any_of(learners.begin(), learners.end(), [node](const LearnerRecord& one) { return one.node == node; });
  }
  /// As the primary or as a backup.
  bool is_held_by(NodeId node) const noexcept { return primary == node || has_backup(node); }
};

struct ClusterMap {
  ClusterId cluster{};
  Revision revision = 0;
  ClusterSettings settings{};
  NodeId leader{};
  std::uint64_t generation = 0;  ///< of the leader: grows whenever the leadership changes hands
  std::vector<NodeId> voters{};  ///< those who decide about the next map
  /// While the voters change: those to come. A map is chosen when a majority of each of the two lists has accepted it.
  std::vector<NodeId> next_voters{};
  std::vector<NodeRecord> nodes{};  ///< in ascending order of id
  std::vector<PartitionRecord> partitions{};

  bool operator==(const ClusterMap&) const = default;

  const NodeRecord* find(NodeId id) const noexcept;
  /// A name is a label: one that is down may share its own with the one that took its place, which is then found.
  const NodeRecord* find_name(std::string_view name) const noexcept;
  /// One of the voters, present or to come.
  bool is_voter(NodeId id) const noexcept;
};

/// Nodes share one immutable map.
using ClusterMapPtr = std::shared_ptr<const ClusterMap>;

/// The first invariant that the map breaks, as a sentence; empty for a sound map. Checked: settings valid; revision and
/// cluster not zero; nodes in ascending order without repetition, names valid (`is_valid_name`); leader
/// and voters, present and to come, are members that are not joining, the leader is among them; one record per
/// partition; in each an epoch, begun empty no later than the primary took over, and that no later than now; no node
/// twice among primary, backups and learners, each of them a member that is not joining; only active or leaving (or
/// down, unserved) nodes are primary; a learner's `since` is no newer than the map.
std::optional<std::string> violation(const ClusterMap& map);

/// A new cluster of one node, which is active, leader, voter and primary of everything, at revision 1 and epoch 1.
ClusterMap found_cluster(ClusterId cluster, const ClusterSettings& settings, NodeId founder, std::string name,
                         Address address);

/// Readable, several lines; for logs and failing tests.
std::string to_string(const ClusterMap& map);

/// Tagged fields, see libdht/doc/wire_format.md. `decode_cluster_map` takes only what is sound.
std::string encode(const ClusterMap& map);
std::optional<ClusterMap> decode_cluster_map(std::string_view bytes);

}  // namespace dht
