// One primary: at most one node serves a partition at any instant.
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <dht/types.h>

namespace dht::testing::simulation {

/// What one node would answer for at the moment.
struct Claim {
  std::string node{};
  ClusterId cluster{};
  std::vector<PartitionId> partitions{};
};

/// Two nodes that serve the same partition of a cluster, as a sentence.
std::optional<std::string> two_primaries(std::span<const Claim> claims);

}  // namespace dht::testing::simulation
