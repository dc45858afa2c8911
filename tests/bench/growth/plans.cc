#include "plans.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include <dht/cluster_map.h>

#include "cluster/layout.h"
#include "figures.h"

namespace dht::growth {

namespace {

using Layout = std::vector<cluster::Holding>;

/// Of a few runs, or of one where that takes long.
template <typename Work>
double median_us(Work work) {
  std::vector<double> times;
  double total = 0;
  while (times.size() < 7 && total < 0.5) {
    const double begun = processor_seconds();
    work();
    times.push_back(processor_seconds() - begun);
    total += times.back();
  }
  std::ranges::sort(times);
  return times[times.size() / 2] * 1e6;
}

bool holds(const cluster::Holding& holding, NodeId node) {
  return holding.primary == node || std::ranges::find(holding.backups, node) != holding.backups.end();
}

/// (partition, node) pairs that are there after and not before.
std::uint64_t new_holders(const Layout& before, const Layout& after) {
  std::uint64_t count = 0;
  for (std::size_t p = 0; p < after.size(); ++p) {
    if (!holds(before[p], after[p].primary)) ++count;
    for (const NodeId backup : after[p].backups)
      count += holds(before[p], backup) ? 0 : 1;
  }
  return count;
}

}  // namespace

Plans measure_plans(std::size_t nodes, std::uint32_t partitions) {
  const ClusterMap map = make_map(nodes, partitions);
  const std::size_t copies = map.settings.replicas;
  const Layout now = holdings(map);
  std::vector<NodeId> with_another = members(map);
  with_another.push_back(make_node(nodes, NodeState::active).id);
  std::vector<NodeId> without_one = members(map);
  without_one.erase(without_one.begin() + static_cast<std::ptrdiff_t>(nodes / 2));

  Plans plans;
  Layout planned;
  const std::string bytes = encode(map);
  plans.map_bytes = bytes.size();
  plans.encode = median_us([&] { static_cast<void>(encode(map)); });
  plans.decode = median_us([&] {
    if (!decode_cluster_map(bytes)) throw std::runtime_error("the map cannot be read");
  });
  plans.join = median_us([&] { planned = cluster::plan_layout(now, with_another, {}, copies); });
  plans.copies_for_join = new_holders(now, planned);
  plans.leave = median_us([&] { planned = cluster::plan_layout(now, without_one, {}, copies); });
  plans.copies_for_leave = new_holders(now, planned);
  plans.share = partitions * copies / (nodes + 1);
  return plans;
}

}  // namespace dht::growth
