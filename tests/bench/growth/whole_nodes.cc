#include "whole_nodes.h"

#include <stdexcept>
#include <vector>

#include "figures.h"

namespace dht::growth {

using testing::PendingStatus;

WholeNodes::WholeNodes(std::size_t nodes, std::uint32_t partitions)
    : cluster_({.nodes = 0, .node = {.partitions = partitions}}) {
  cluster_.add_node({.partitions = partitions, .max_moves_per_node = partitions});
  std::vector<PendingStatus> joins;
  while (cluster_.size() <= nodes)
    joins.push_back(cluster_.join(cluster_.add_node(), 0));
  for (const PendingStatus& join : joins)
    wait_for(join);
  wait_for(cluster_.leave(0));
  cluster_.stop(0);
}

ClusterMapPtr WholeNodes::map() { return cluster_.node(1).map(); }

void WholeNodes::wait_for(const PendingStatus& pending) {
  if (!cluster_.run_until([&] { return pending.is_done(); })) throw std::runtime_error("a join takes an hour");
  if (pending.status()) throw std::runtime_error("a node cannot join or leave: " + pending.status().message);
}

void WholeNodes::count(Traffic& traffic) {
  const ClusterMapPtr newest = map();
  count_traffic(cluster_.network(), newest->find(newest->leader)->address, traffic);
}

Rest WholeNodes::rest(Duration time) {
  Rest rest{.time = time};
  count(rest.traffic);
  cluster_.run_for(time);
  cluster_.network().set_filter({});
  return rest;
}

Join WholeNodes::join_one_more() {
  Join join;
  ClusterMapPtr seen = map();
  const Revision first = seen->revision;
  const Instant begun = cluster_.timeline().now();
  const double processor = processor_seconds();
  count(join.traffic);
  const PendingStatus pending = cluster_.join(cluster_.add_node(), 1);
  cluster_.run_until([&] {
    const ClusterMapPtr newest = map();
    if (newest != seen) join.copies += learners_added_by(*newest);
    seen = newest;
    return pending.is_done();
  });
  wait_for(pending);
  cluster_.network().set_filter({});
  join.time = cluster_.timeline().now() - begun;
  join.changes = seen->revision - first;
  join.ideal = seen->partitions.size() * seen->settings.replicas / seen->nodes.size();
  join.processor_seconds = processor_seconds() - processor;
  return join;
}

}  // namespace dht::growth
