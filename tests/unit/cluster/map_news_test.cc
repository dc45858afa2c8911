#include "cluster/map_news.h"

#include <doctest/doctest.h>

#include "cluster/map_change.h"
#include "maps.h"

namespace dht::testing {
namespace {

using cluster::MapChange;
using cluster::News;
using Lines = std::vector<std::string>;

constexpr NodeId kSelf{1};

ClusterMap changed(const ClusterMap& map, auto operation) {
  MapChange change(map);
  operation(change);
  return std::move(change).finish();
}

Lines news(const ClusterMap& before, const ClusterMap& after, NodeId self) {
  Lines lines;
  for (const News& item : cluster::news(before, after, self))
    lines.push_back(item.line);
  return lines;
}

}  // namespace

TEST_CASE("a node is news when it has joined, not while it is joining; one that goes is, too") {
  const ClusterMap two = even_map(2, 8);
  const ClusterMap joining = changed(two, [](MapChange& change) {
    change.add_joining({.id = NodeId{3}, .name = "n3", .address = {"host3", 9876}});
  });
  CHECK(news(two, joining, kSelf).empty());
  const ClusterMap three = changed(joining, [](MapChange& change) { change.activate(NodeId{3}); });
  CHECK(news(joining, three, kSelf) == Lines{"n3 at host3:9876 has joined: 3 members"});
  CHECK(news(two, three, kSelf) == Lines{"n3 at host3:9876 has joined: 3 members"});
  CHECK(news(joining, three, NodeId{3}).empty());
  const ClusterMap left = changed(three, [](MapChange& change) { change.remove_node(NodeId{3}); });
  CHECK(news(three, left, kSelf) == Lines{"n3 has left: 2 members"});
  CHECK(news(joining, two, kSelf).empty());  // a join that was given up
}

TEST_CASE("a node that is gone is news once, and so is its return") {
  const ClusterMap up = even_map(2, 8);
  const ClusterMap down = changed(up, [](MapChange& change) { change.mark_down(NodeId{2}); });
  CHECK(news(up, down, kSelf) ==
        Lines{"n2 at host2:9876 is gone: the 4 partitions that it holds are unserved until it speaks again"});
  CHECK(cluster::news(up, down, kSelf).front().level == LogLevel::warning);
  CHECK(news(down, down, kSelf).empty());
  CHECK(news(down, up, kSelf) == Lines{"n2 at host2:9876 is back: 2 members"});
}

TEST_CASE("moves are news when they begin and when all have ended, a new leader when it leads") {
  const ClusterMap quiet = even_map(2, 8);
  const PartitionId of_two = quiet.partitions[0].primary == NodeId{2} ? 0 : 1;
  const ClusterMap moving = changed(quiet, [&](MapChange& change) { change.add_learner(of_two, kSelf); });
  CHECK(news(quiet, moving, kSelf) == Lines{"partitions begin to move"});
  CHECK(news(moving, moving, kSelf).empty());
  const ClusterMap moved = changed(moving, [&](MapChange& change) { change.hand_over(of_two, kSelf, {}); });
  CHECK(news(moving, moved, kSelf) == Lines{"partitions have moved: this node is primary for 5 of 8"});
  const ClusterMap led = changed(quiet, [](MapChange& change) { change.set_leader(NodeId{2}); });
  CHECK(news(quiet, led, kSelf) == Lines{"n2 leads the cluster"});
}

}  // namespace dht::testing
