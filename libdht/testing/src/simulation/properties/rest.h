// Progress and even spread: what a cluster that is left alone must come to.
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <dht/node.h>

namespace dht::testing::simulation {

/// Why a cluster is not at rest, whose members say this of themselves: they do not have one map, it does not name just
/// them as active, the voters are changing, or a partition is on the move or not served by its primary.
std::optional<std::string> unrest(std::span<const NodeStatus> members);

/// A member of a cluster at rest that is not primary for its share, within one.
std::optional<std::string> unevenness(std::span<const NodeStatus> members);

}  // namespace dht::testing::simulation
