#include "simulation/properties/map_chain.h"

#include <doctest/doctest.h>

#include "maps.h"

namespace dht::testing::simulation {
namespace {

ClusterMapPtr revision(Revision number, std::uint64_t generation) {
  ClusterMap map = lone_map();
  map.revision = number;
  map.generation = generation;
  return shared(std::move(map));
}

TEST_CASE("nodes that follow one chain of maps, each at its own pace, are fine") {
  MapChain chain;
  CHECK_FALSE(chain.see(NodeId{1}, revision(1, 1)));
  CHECK_FALSE(chain.see(NodeId{1}, revision(2, 1)));
  CHECK_FALSE(chain.see(NodeId{1}, revision(5, 3)));
  CHECK_FALSE(chain.see(NodeId{2}, revision(2, 1)));
  CHECK_FALSE(chain.see(NodeId{2}, revision(3, 2)));  // seen late, between two that are known
  CHECK_FALSE(chain.see(NodeId{2}, revision(5, 3)));
}

TEST_CASE("two maps of one revision are two chains") {
  MapChain chain;
  ClusterMap other = *revision(2, 1);
  other.nodes.front().name = "another";
  CHECK_FALSE(chain.see(NodeId{1}, revision(2, 1)));
  const auto reason = chain.see(NodeId{2}, shared(other));
  REQUIRE(reason);
  CHECK(reason->find("two maps of revision 2") != std::string::npos);
}

TEST_CASE("a node does not go back") {
  MapChain chain;
  CHECK_FALSE(chain.see(NodeId{1}, revision(3, 1)));
  CHECK(chain.see(NodeId{1}, revision(2, 1)) == "node 0000000000000001 went back from revision 3 of the map to 2");
}

TEST_CASE("a node that comes into another cluster begins anew") {
  MapChain chain;
  ClusterMap other = lone_map();
  other.cluster = ClusterId{8};
  CHECK_FALSE(chain.see(NodeId{1}, revision(3, 1)));
  CHECK_FALSE(chain.see(NodeId{1}, shared(other)));
  CHECK_FALSE(chain.see(NodeId{1}, revision(3, 1)));
}

TEST_CASE("the generation of the leader does not go back from one revision to the next") {
  MapChain chain;
  CHECK_FALSE(chain.see(NodeId{1}, revision(2, 4)));
  CHECK(chain.see(NodeId{1}, revision(3, 3)));
  CHECK(chain.see(NodeId{2}, revision(1, 5)));
}

}  // namespace
}  // namespace dht::testing::simulation
