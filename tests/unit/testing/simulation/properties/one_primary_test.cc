#include "simulation/properties/one_primary.h"

#include <vector>

#include <doctest/doctest.h>

namespace dht::testing::simulation {
namespace {

TEST_CASE("two nodes that serve one partition of a cluster are named") {
  const std::vector<Claim> claims{
      {"node0", ClusterId{1}, {0, 1}}, {"node1", ClusterId{1}, {2}}, {"node2", ClusterId{1}, {3, 1}}};
  CHECK(two_primaries(claims) == "node0 and node2 serve partition 1 of cluster 0000000000000001 at the same time");
}

TEST_CASE("nodes may serve other partitions, and the same ones of other clusters, and none") {
  CHECK_FALSE(two_primaries({}));
  const std::vector<Claim> claims{{"node0", ClusterId{1}, {0, 1}},
                                  {"node1", ClusterId{1}, {2, 3}},
                                  {"node2", ClusterId{2}, {0, 1, 2, 3}},
                                  {"node3", ClusterId{1}, {}}};
  CHECK_FALSE(two_primaries(claims));
}

}  // namespace
}  // namespace dht::testing::simulation
