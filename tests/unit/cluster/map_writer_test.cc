#include "cluster/map_writer.h"

#include <memory>
#include <random>

#include <doctest/doctest.h>

#include "maps.h"

namespace dht::testing {

using cluster::MapWriter;

namespace {

wire::Call push_of(ClusterMapPtr map) {
  wire::Call call;
  call.id = 5;
  call.kind = wire::CallKind::push_map;
  call.node = node_record(1);
  call.map = std::move(map);
  return call;
}

ClusterMapPtr shared(ClusterMap map) { return std::make_shared<const ClusterMap>(std::move(map)); }

}  // namespace

TEST_CASE("a call that pushes a map has the same bytes as without a writer, from the first to the last") {
  std::mt19937_64 random(1);
  MapWriter writer;
  for (int i = 0; i < 50; ++i) {
    wire::Call call = push_of(shared(random_map(random)));
    for (call.id = 1; call.id <= 1000; call.id *= 10)
      CHECK(writer.encode(call) == wire::encode(call));
  }
}

TEST_CASE("a map is written once for all calls that carry it in turn, and again once it is let go of") {
  // What is changed behind the writer's back shows when it looks at the map.
  const auto map = std::make_shared<ClusterMap>(even_map(3, 8));
  const wire::Call call = push_of(map);
  MapWriter writer;
  const std::string before = writer.encode(call);
  ++map->revision;
  CHECK(writer.encode(call) == before);
  writer.forget();
  CHECK(writer.encode(call) == wire::encode(call));
}

TEST_CASE("calls with different maps, or none, each get their own") {
  const ClusterMapPtr one = shared(even_map(3, 8));
  const ClusterMapPtr other = shared(even_map(4, 16));
  MapWriter writer;
  for (const ClusterMapPtr& map : {one, other, ClusterMapPtr{}, other, one}) {
    const wire::Call call = push_of(map);
    CHECK(writer.encode(call) == wire::encode(call));
  }
}

TEST_CASE("fields that would stand behind the map are read all the same") {
  wire::Call call = push_of(shared(even_map(3, 8)));
  call.voter = wire::VoterRequest{.cluster = ClusterId{77}, .voter = NodeId{2}, .known = 10, .generation = 4};
  call.name = "n2";
  const auto read = wire::decode_call(MapWriter().encode(call));
  REQUIRE(read);
  CHECK(*read->map == *call.map);
  CHECK(wire::encode(*read) == wire::encode(call));
}

TEST_CASE("a map that is gone is not taken for a new one in its place") {
  MapWriter writer;
  ClusterMapPtr map = shared(even_map(3, 8));
  writer.encode(push_of(map));
  const std::weak_ptr<const ClusterMap> gone = map;
  map = nullptr;
  CHECK_FALSE(gone.expired());  // the writer holds it, so that its place is not given to another
  writer.forget();
  CHECK(gone.expired());
}

}  // namespace dht::testing
