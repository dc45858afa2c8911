#include "cluster/failover.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

namespace dht::cluster {
namespace {

using Sealed = ReportBook::Sealed;

bool is_down(const ClusterMap& map, NodeId id) {
  const NodeRecord* node = map.find(id);
  return node != nullptr && node->state == NodeState::down;
}

/// The backups that have spoken and can take the partition; none while another one may still speak.
std::vector<Sealed> survivors(const PartitionRecord& record, const std::vector<Sealed>& sealed, const ClusterMap& map,
                              const Scene& scene) {
  std::vector<Sealed> found;
  for (const NodeId backup : record.backups) {
    if (is_down(map, backup) || !scene.is_alive(backup)) continue;
    const auto spoken =
        std::find_if(sealed.begin(), sealed.end(), [backup](const Sealed& one) { return one.backup == backup; });
    if (spoken == sealed.end()) return {};
    found.push_back(*spoken);
  }
  return found;
}

}  // namespace

void fail_over(const Scene& scene, MapChange& change) {
  const auto sealed = scene.reports.sealed(*scene.map);
  std::map<NodeId, std::uint64_t> loads;
  if (sealed.empty()) return;
  for (const PartitionRecord& record : change.map().partitions)
    ++loads[record.primary];
  for (const auto& [partition, spoken] : sealed) {
    const PartitionRecord record = change.map().partitions[partition];
    const bool was_down = is_down(*scene.map, record.primary);
    if (!was_down || !is_down(change.map(), record.primary) || record != scene.map->partitions[partition]) continue;
    const std::vector<Sealed> left = survivors(record, spoken, change.map(), scene);
    if (left.empty()) continue;
    // Of equals, whoever is primary of least.
    const auto furthest = std::max_element(left.begin(), left.end(), [&](const Sealed& a, const Sealed& b) {
      return std::make_tuple(a.at, loads[b.backup], b.backup) < std::make_tuple(b.at, loads[a.backup], a.backup);
    });
    std::vector<NodeId> others;
    for (const Sealed& one : left) {
      if (one.backup != furthest->backup) others.push_back(one.backup);
    }
    ++loads[furthest->backup];
    change.fail_over(partition, furthest->backup, std::move(others));
  }
}

void reopen_partitions_of(NodeId primary, MapChange& change) {
  for (PartitionId p = 0; p < change.map().partitions.size(); ++p) {
    const PartitionRecord& record = change.map().partitions[p];
    if (record.primary == primary && !record.backups.empty()) change.reopen_primary(p);
  }
}

}  // namespace dht::cluster
