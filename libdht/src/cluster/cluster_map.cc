#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include <dht/cluster_map.h>
#include <dht/partitioner.h>

#include "base/assert.h"
#include "base/hybrid_clock.h"

namespace dht {

namespace {

/// Looks for the first broken invariant of one map. Its effort is linear in the size of the map, whatever a stranger
/// put there.
class Inspection {
 public:
  explicit Inspection(const ClusterMap& map) : map_(map), last_seen_(map.nodes.size(), kNowhere) {}

  std::optional<std::string> run() {
    auto broken = check_settings();
    if (!broken) broken = check_nodes();
    if (!broken) broken = check_leadership();
    for (std::size_t p = 0; p < map_.partitions.size() && !broken; ++p)
      broken = check_partition(p);
    return broken;
  }

 private:
  using Broken = std::optional<std::string>;
  static constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

  Broken check_settings() const {
    if (!map_.cluster) return "the cluster has no id";
    if (map_.revision == 0) return "the revision is zero";
    if (!is_valid_partition_count(map_.settings.partitions)) {
      return fmt::format("{} partitions: not a power of two up to {}", map_.settings.partitions, kHashSlots);
    }
    if (map_.settings.replicas == 0) return "no copies are wanted";
    if (map_.settings.replicas > kMostReplicas) {
      return fmt::format("{} copies are wanted: more than {}", map_.settings.replicas, kMostReplicas);
    }
    if (map_.settings.lease_ms < kShortestLeaseMs || map_.settings.lease_ms > kLongestLeaseMs) {
      return fmt::format("a lease of {} ms: not one of {} to {} ms", map_.settings.lease_ms, kShortestLeaseMs,
                         kLongestLeaseMs);
    }
    if (map_.partitions.size() != map_.settings.partitions) {
      return fmt::format("{} partition records for {} partitions", map_.partitions.size(), map_.settings.partitions);
    }
    return std::nullopt;
  }

  Broken check_nodes() const {
    NodeId before{};
    for (const NodeRecord& node : map_.nodes) {
      if (!node.id) return "a node has no id";
      if (node.id <= before) return fmt::format("node {} is not in ascending order", to_string(node.id));
      if (!is_valid_name(node.name)) return fmt::format("node {} has no valid name", to_string(node.id));
      before = node.id;
    }
    return std::nullopt;
  }

  Broken check_leadership() {
    if (map_.find(map_.leader) == nullptr) return fmt::format("the leader {} is no member", to_string(map_.leader));
    if (map_.voters.empty()) return "there is no voter";
    auto broken = check_voters(map_.voters, kNowhere - 1);
    if (!broken) broken = check_voters(map_.next_voters, kNowhere - 2);
    if (!broken && !map_.is_voter(map_.leader)) {
      broken = fmt::format("the leader {} is no voter", map_.find(map_.leader)->name);
    }
    return broken;
  }

  Broken check_voters(const std::vector<NodeId>& voters, std::size_t mark) {
    for (const NodeId voter : voters) {
      const NodeRecord* node = map_.find(voter);
      if (node == nullptr) return fmt::format("the voter {} is no member", to_string(voter));
      if (node->state == NodeState::joining) return fmt::format("the voter {} is still joining", node->name);
      if (last_seen(*node) == mark) return fmt::format("{} is a voter twice", node->name);
      last_seen(*node) = mark;
    }
    return std::nullopt;
  }

  Broken check_partition(std::size_t p) {
    const PartitionRecord& partition = map_.partitions[p];
    if (partition.epoch == 0) return fmt::format("partition {} has no epoch", p);
    if (partition.primary_since > partition.epoch) {
      return fmt::format("partition {} has a primary since epoch {}, but is in epoch {}", p, partition.primary_since,
                         partition.epoch);
    }
    if (partition.empty_from == 0 || partition.empty_from > partition.primary_since) {
      return fmt::format("partition {} was begun empty in epoch {}, but has a primary since epoch {}", p,
                         partition.empty_from, partition.primary_since);
    }
    if (partition.floor >= base::HybridClock::kLimit) return fmt::format("partition {} has an impossible floor", p);
    auto broken = check_role(p, partition.primary);
    for (std::size_t i = 0; i < partition.backups.size() && !broken; ++i)
      broken = check_role(p, partition.backups[i]);
    for (std::size_t i = 0; i < partition.learners.size() && !broken; ++i) {
      const LearnerRecord& learner = partition.learners[i];
      broken = check_role(p, learner.node);
      if (!broken && learner.since > map_.revision) {
        broken = fmt::format("partition {}: a learner of revision {}, which is yet to come", p, learner.since);
      }
    }
    return broken;
  }

  Broken check_role(std::size_t p, NodeId id) {
    const NodeRecord* node = map_.find(id);
    if (node == nullptr) return fmt::format("partition {}: {} is no member", p, to_string(id));
    if (node->state == NodeState::joining) {
      return fmt::format("partition {}: {} is still joining", p, node->name);
    }
    if (last_seen(*node) == p) return fmt::format("partition {}: {} has two roles", p, node->name);
    last_seen(*node) = p;
    return std::nullopt;
  }

  std::size_t& last_seen(const NodeRecord& node) {
    return last_seen_[static_cast<std::size_t>(&node - map_.nodes.data())];
  }

  const ClusterMap& map_;
  std::vector<std::size_t> last_seen_;  ///< by node: the last partition in which it was found to have a role
};

std::string name_of(const ClusterMap& map, NodeId id) {
  const NodeRecord* node = map.find(id);
  return node != nullptr ? node->name : to_string(id);
}

std::string describe(const ClusterMap& map, const PartitionRecord& partition) {
  std::string text = fmt::format("epoch {}, primary {}", partition.epoch, name_of(map, partition.primary));
  if (partition.primary_since < partition.epoch) text += fmt::format(" since epoch {}", partition.primary_since);
  if (partition.empty_from > 1) text += fmt::format(", begun empty in epoch {}", partition.empty_from);
  for (const NodeId backup : partition.backups)
    text += fmt::format(", backup {}", name_of(map, backup));
  for (const LearnerRecord& learner : partition.learners) {
    text += fmt::format(", learner {} since {}", name_of(map, learner.node), learner.since);
  }
  return text;
}

}  // namespace

std::string_view to_string(NodeState state) noexcept {
  switch (state) {
    case NodeState::joining:
      return "joining";
    case NodeState::active:
      return "active";
    case NodeState::leaving:
      return "leaving";
    case NodeState::down:
      return "down";
  }
  return "unknown";
}

const NodeRecord* ClusterMap::find(NodeId id) const noexcept {
  const auto found = std::lower_bound(nodes.begin(), nodes.end(), id,
                                      [](const NodeRecord& node, NodeId wanted) { return node.id < wanted; });
  return found != nodes.end() && found->id == id ? &*found : nullptr;
}

const NodeRecord* ClusterMap::find_name(std::string_view name) const noexcept {
  const NodeRecord* found = nullptr;
  for (const NodeRecord& node : nodes) {
    if (node.name != name) continue;
    if (node.state != NodeState::down) return &node;
    found = &node;
  }
  return found;
}

bool ClusterMap::is_voter(NodeId id) const noexcept {
  const auto names = [id](const std::vector<NodeId>& list) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  return names(voters) || names(next_voters);
}

std::optional<std::string> violation(const ClusterMap& map) { return Inspection(map).run(); }

ClusterMap found_cluster(ClusterId cluster, const ClusterSettings& settings, NodeId founder, std::string name,
                         Address address) {
  ClusterMap map{.cluster = cluster,
                 .revision = 1,
                 .settings = settings,
                 .leader = founder,
                 .generation = 1,
                 .voters = {founder},
                 .nodes = {{founder, std::move(name), std::move(address), NodeState::active}}};
  map.partitions.assign(settings.partitions, {.epoch = 1, .primary_since = 1, .empty_from = 1, .primary = founder});
  DHT_ASSERT(!violation(map));
  return map;
}

std::string to_string(const ClusterMap& map) {
  std::string text = fmt::format("cluster {}, revision {}, {} partitions, {} copies, leader {} (generation {}), voters",
                                 to_string(map.cluster), map.revision, map.settings.partitions, map.settings.replicas,
                                 name_of(map, map.leader), map.generation);
  for (const NodeId voter : map.voters)
    text += ' ' + name_of(map, voter);
  if (!map.next_voters.empty()) text += ", to be";
  for (const NodeId voter : map.next_voters)
    text += ' ' + name_of(map, voter);
  text += '\n';
  for (const NodeRecord& node : map.nodes) {
    text += fmt::format("node {}: {}, {}, {}\n", node.name, to_string(node.id), to_string(node.address),
                        to_string(node.state));
  }
  for (std::size_t first = 0, last = 0; first < map.partitions.size(); first = last + 1) {
    last = first;
    while (last + 1 < map.partitions.size() && map.partitions[last + 1] == map.partitions[first])
      ++last;
    text += first == last ? fmt::format("partition {}: ", first) : fmt::format("partitions {}-{}: ", first, last);
    text += describe(map, map.partitions[first]) + '\n';
  }
  return text;
}

}  // namespace dht
