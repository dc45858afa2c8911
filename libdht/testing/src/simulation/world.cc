#include "world.h"

#include <utility>

namespace dht::testing::simulation {

World::World(const Setting& setting, std::uint64_t seed, ProcessHook hook)
    : cluster_({.nodes = setting.first_members,
                .seed = seed,
                .node = setting.node,
                .network = setting.network,
                .storage_delay = setting.storage_delay,
                .storage_delay_max = setting.storage_delay_max,
                .durable = setting.durable,
                .sync_delay = setting.sync_delay,
                .sync_delay_max = setting.sync_delay_max,
                .clock_offset_max = std::chrono::hours(1),
                .clock_drift_max = setting.drift,
                .on_new_process = std::move(hook)}),
      home_(cluster_.node(0).map()->cluster),
      places_(setting.first_members, Place{.standing = Standing::member}) {
  // Before it is known for good the cluster is none that anybody could come back to.
  cluster_.run_until([this] { return cluster_.node(0).is_ready(); });
}

std::vector<std::size_t> World::all(Standing standing) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].standing == standing) found.push_back(i);
  }
  return found;
}

std::vector<std::size_t> World::running() const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (is_running(i)) found.push_back(i);
  }
  return found;
}

std::vector<std::size_t> World::active_members() {
  std::vector<std::size_t> found = all(Standing::member);
  const ClusterMapPtr map = newest_map();
  std::erase_if(found, [&](std::size_t i) {
    const NodeRecord* const record = map ? map->find(cluster_.node(i).id()) : nullptr;
    return record == nullptr || record->state != NodeState::active;
  });
  return found;
}

std::set<NodeId> World::running_ids() {
  std::set<NodeId> ids;
  for (const std::size_t i : running())
    ids.insert(cluster_.node(i).id());
  return ids;
}

ClusterMapPtr World::newest_map() {
  ClusterMapPtr newest;
  for (const std::size_t i : running()) {
    const ClusterMapPtr map = cluster_.node(i).map();
    if (map->cluster == home_ && (!newest || map->revision > newest->revision)) newest = map;
  }
  return newest;
}

std::optional<std::size_t> World::leader() {
  const ClusterMapPtr map = newest_map();
  for (const std::size_t i : running()) {
    if (map && cluster_.node(i).id() == map->leader) return i;
  }
  return std::nullopt;
}

std::size_t World::add() {
  places_.emplace_back();
  return cluster_.add_node();
}

/// Before its process ends, and so before what it was asked is answered on that occasion.
void World::end(std::size_t i) { places_[i] = {Standing::gone, places_[i].incarnation + 1}; }

void World::crash(std::size_t i, MemoryNetwork::Crash kind) {
  end(i);
  cluster_.crash(i, kind);
}

void World::stop(std::size_t i) {
  end(i);
  cluster_.stop(i);
}

/// Whoever has a disk is what it was.
void World::restart(std::size_t i) {
  cluster_.restart(i);
  places_[i].standing = is_at_home(i) ? Standing::member : Standing::alone;
}

}  // namespace dht::testing::simulation
