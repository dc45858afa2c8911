#include "one_primary.h"

#include <algorithm>

#include <fmt/format.h>

namespace dht::testing::simulation {
namespace {

std::optional<PartitionId> common(const Claim& a, const Claim& b) {
  if (a.cluster != b.cluster) return std::nullopt;
  for (const PartitionId partition : a.partitions) {
    if (std::find(b.partitions.begin(), b.partitions.end(), partition) != b.partitions.end()) return partition;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> two_primaries(std::span<const Claim> claims) {
  for (std::size_t i = 0; i < claims.size(); ++i) {
    for (std::size_t j = i + 1; j < claims.size(); ++j) {
      const auto partition = common(claims[i], claims[j]);
      if (!partition) continue;
      return fmt::format("{} and {} serve partition {} of cluster {} at the same time", claims[i].node, claims[j].node,
                         *partition, to_string(claims[i].cluster));
    }
  }
  return std::nullopt;
}

}  // namespace dht::testing::simulation
