#include "map_chain.h"

#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace dht::testing::simulation {

std::optional<std::string> MapChain::see(NodeId node, const ClusterMapPtr& map) {
  const ClusterMapPtr before = std::exchange(latest_[node], map);
  if (before && before->cluster == map->cluster && before->revision > map->revision) {
    return fmt::format("node {} went back from revision {} of the map to {}", to_string(node), before->revision,
                       map->revision);
  }
  return insert(map);
}

std::optional<std::string> MapChain::insert(const ClusterMapPtr& map) {
  auto& maps = maps_[map->cluster];
  const auto [at, is_new] = maps.emplace(map->revision, map);
  if (!is_new) {
    if (at->second == map || *at->second == *map) return std::nullopt;
    return fmt::format("there are two maps of revision {}:\n{}\n{}", map->revision, to_string(*at->second),
                       to_string(*map));
  }
  const bool fits_before = at == maps.begin() || std::prev(at)->second->generation <= map->generation;
  const bool fits_after = std::next(at) == maps.end() || map->generation <= std::next(at)->second->generation;
  if (fits_before && fits_after) return std::nullopt;
  return fmt::format("revision {} has generation {} of the leader, which is not between those of its neighbours",
                     map->revision, map->generation);
}

}  // namespace dht::testing::simulation
