#include "copies.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace dht::testing::simulation {
namespace {

/// The key with which two shelves begin to differ.
std::string first_difference(const Shelves::Shelf& a, const Shelves::Shelf& b) {
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return in_a != a.end() ? in_a->first : in_b->first;
}

}  // namespace

std::optional<std::string> difference_of_copies(World& world, const Shelves& shelves) {
  const ClusterMapPtr map = world.newest_map();
  std::map<NodeId, std::size_t> places;
  for (const std::size_t place : world.running())
    places[world.cluster().node(place).id()] = place;
  for (PartitionId partition = 0; partition < map->partitions.size(); ++partition) {
    const PartitionRecord& record = map->partitions[partition];
    const std::size_t primary = places.at(record.primary);
    const Shelves::Shelf& original = shelves.of(primary, map->cluster, partition);
    for (const NodeId backup : record.backups) {
      const std::size_t place = places.at(backup);
      const Shelves::Shelf& copy = shelves.of(place, map->cluster, partition);
      if (copy != original)
        return fmt::format("{} and its backup {} differ in {}, of partition {}", world.name(primary), world.name(place),
                           first_difference(original, copy), partition);
    }
  }
  return std::nullopt;
}

}  // namespace dht::testing::simulation
