// Copies: at rest every backup has byte for byte what its primary has.
//
// Thread rule: that of the timeline.
#pragma once

#include <optional>
#include <string>

#include "../shelves.h"
#include "../world.h"

namespace dht::testing::simulation {

/// The first difference between two copies of a partition of the home cluster, all of whose members run.
std::optional<std::string> difference_of_copies(World& world, const Shelves& shelves);

}  // namespace dht::testing::simulation
