#include "cluster/report_book.h"

#include <algorithm>
#include <utility>

namespace dht::cluster {

bool ReportBook::replace(NodeId node, NodeReport report) {
  const auto [place, is_new] = reports_.try_emplace(node);
  const bool has_news =
      is_new || place->second.partitions != report.partitions || place->second.old_copies != report.old_copies;
  place->second = std::move(report);
  return has_news;
}

void ReportBook::keep_only(const ClusterMap& map) {
  std::erase_if(reports_, [&](const auto& entry) { return map.find(entry.first) == nullptr; });
  std::erase_if(durable_, [&](NodeId node) { return map.find(node) == nullptr; });
}

StorageStatistics ReportBook::statistics(NodeId node) const {
  const auto found = reports_.find(node);
  return found != reports_.end() ? found->second.statistics : StorageStatistics{};
}

bool ReportBook::is_full(NodeId node) const {
  const auto found = reports_.find(node);
  return found != reports_.end() && found->second.is_full;
}

std::span<const PartitionId> ReportBook::old_copies(NodeId node) const {
  const auto found = reports_.find(node);
  return found != reports_.end() ? std::span<const PartitionId>(found->second.old_copies)
                                 : std::span<const PartitionId>();
}

bool ReportBook::has_old_copy(NodeId node, PartitionId partition) const {
  const auto found = reports_.find(node);
  return found != reports_.end() &&
         std::binary_search(found->second.old_copies.begin(), found->second.old_copies.end(), partition);
}

bool ReportBook::may_hold_copies(NodeId node, ClusterId of) const {
  const auto found = reports_.find(node);
  if (found == reports_.end()) return true;
  const std::vector<ClusterId>& copies_of = found->second.copies_of;
  return std::find(copies_of.begin(), copies_of.end(), of) != copies_of.end();
}

const PartitionReport* ReportBook::find(NodeId node, PartitionId partition) const {
  const auto found = reports_.find(node);
  if (found == reports_.end()) return nullptr;
  const std::vector<PartitionReport>& reports = found->second.partitions;
  const auto report = std::find_if(reports.begin(), reports.end(),
                                   [partition](const PartitionReport& one) { return one.partition == partition; });
  return report == reports.end() ? nullptr : &*report;
}

std::map<PartitionId, std::vector<ReportBook::Sealed>> ReportBook::sealed(const ClusterMap& map) const {
  std::map<PartitionId, std::vector<Sealed>> by_partition;
  for (const auto& [node, report] : reports_) {
    for (const PartitionReport& partition : report.partitions) {
      if (!partition.sealed_at || partition.partition >= map.partitions.size()) continue;
      const PartitionRecord& record = map.partitions[partition.partition];
      if (record.has_backup(node) && record.epoch == partition.epoch)
        by_partition[partition.partition].push_back({node, *partition.sealed_at});
    }
  }
  return by_partition;
}

std::vector<const PartitionReport*> ReportBook::current(const ClusterMap& map) const {
  std::vector<const PartitionReport*> by_partition(map.partitions.size(), nullptr);
  for (const auto& [node, report] : reports_) {
    for (const PartitionReport& partition : report.partitions) {
      if (partition.partition >= map.partitions.size()) continue;
      const PartitionRecord& record = map.partitions[partition.partition];
      if (record.primary == node && record.epoch == partition.epoch) by_partition[partition.partition] = &partition;
    }
  }
  return by_partition;
}

}  // namespace dht::cluster
