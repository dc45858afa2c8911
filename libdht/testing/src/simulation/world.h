// World: the cluster of a simulation, and who is what in it. The *home* cluster is the one that the first node founded;
// nodes outside of it stand alone.
//
// Thread rule: that of the timeline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <dht/testing/cluster.h>

#include "setting.h"

namespace dht::testing::simulation {

enum class Standing : std::uint8_t {
  alone,    ///< a cluster of its own
  joining,  ///< alone or a member: its join has not been answered
  member,   ///< of the home cluster
  leaving,  ///< a member or alone: no client uses it any more
  gone,     ///< no process
};

class World {
 public:
  /// The first members are in; throws std::system_error where one could not join.
  World(const Setting& setting, std::uint64_t seed, ProcessHook hook);

  Cluster& cluster() noexcept { return cluster_; }
  Timeline& timeline() noexcept { return cluster_.timeline(); }
  std::size_t size() const noexcept { return cluster_.size(); }
  std::string name(std::size_t i) const { return "node" + std::to_string(i); }

  Standing standing(std::size_t i) const { return places_[i].standing; }
  void set_standing(std::size_t i, Standing standing) { places_[i].standing = standing; }
  /// Counts the processes that were started at this place: what was begun in one does not concern the next.
  unsigned incarnation(std::size_t i) const { return places_[i].incarnation; }
  bool is_running(std::size_t i) const { return cluster_.is_running(i); }
  std::vector<std::size_t> all(Standing standing) const;
  std::vector<std::size_t> running() const;
  /// Standing members that the newest map has as active: what was given up may not know yet.
  std::vector<std::size_t> active_members();

  std::set<NodeId> running_ids();

  /// By its own map. Only while it runs.
  ClusterId cluster_of(std::size_t i) { return cluster_.node(i).map()->cluster; }
  bool is_at_home(std::size_t i) { return cluster_of(i) == home_; }
  ClusterId home() const noexcept { return home_; }
  /// The newest map of the home cluster that a running node has; null where none has one.
  ClusterMapPtr newest_map();
  /// The place of the leader by that map, where it runs.
  std::optional<std::size_t> leader();

  // Processes that come and go.

  std::size_t add();
  void crash(std::size_t i, MemoryNetwork::Crash kind);
  void stop(std::size_t i);
  void restart(std::size_t i);

 private:
  struct Place {
    Standing standing = Standing::alone;
    unsigned incarnation = 0;
  };

  void end(std::size_t i);

  Cluster cluster_;
  ClusterId home_;
  std::vector<Place> places_;
};

}  // namespace dht::testing::simulation
