// Leaving: the others keep everything, the one that left keeps what it had
// listed, and coming back harms nothing.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/print.h"
#include "support/test_node.h"

namespace dht::integration {
namespace {

using Strings = std::vector<std::string>;

Nodes cluster_with(std::size_t count, const Entries& entries) {
  Nodes nodes = start_cluster(count);
  put_all(nodes[0], entries);
  return nodes;
}

// One node has left and everybody changed something since; then they come
// together again.
struct Reunion {
  Entries expected;
  std::string changed, deleted, changed_alone;

  // `left` stands alone with a copy of its keys, `member` is in the cluster
  // that it left.
  Reunion(const Entries& before, TestNode& left, TestNode& member) : expected(before) {
    const Strings kept = left.keys();
    REQUIRE(kept.size() >= 3);
    changed = kept[0];
    deleted = kept[1];
    changed_alone = kept[2];
    member.put(changed, "changed in the cluster");
    member.erase(deleted);
    left.put(changed_alone, "changed by the one that left");
    left.put("alone", "written alone");
    expected[changed] = "changed in the cluster";
    expected.erase(deleted);
    expected[changed_alone] = "changed by the one that left";
    expected["alone"] = "written alone";
  }

  void check(Nodes& nodes) const {
    CHECK(all_list_all(nodes));
    CHECK(listing_difference(nodes, expected) == "");
    for (TestNode& node : nodes) {
      CHECK(difference(node, expected) == "");
      CHECK(node.get(deleted) == "");
    }
  }
};

TEST_CASE("a node leaves: the others see all keys and one peer fewer, it keeps exactly what it had listed") {
  for (const std::size_t leaver : {0u, 2u}) {  // the first one founded the cluster and leads it
    CAPTURE(leaver);
    const Entries entries = make_entries("key", 500);
    Nodes nodes = cluster_with(4, entries);
    TestNode& left = nodes[leaver];
    const Strings listed = left.keys();
    REQUIRE(!listed.empty());
    left.leave();
    for (TestNode& node : nodes) {
      if (&node == &left) continue;
      CHECK(difference(node, entries) == "");
      CHECK(node.peers().size() == 3);
      CHECK_FALSE(std::ranges::count(node.peers(), left.name()));
    }
    CHECK(left.peers() == Strings{left.name()});
    CHECK(left.keys() == listed);
    for (const std::string& key : listed)
      CHECK(left.get(key) == entries.at(key));
  }
}

TEST_CASE(
    "a node that left joins again: the newer value stays, the deleted key stays deleted, its own key is for all") {
  const Entries entries = make_entries("key", 300);
  Nodes nodes = cluster_with(3, entries);
  nodes[2].leave();
  const Reunion reunion(entries, nodes[2], nodes[0]);
  nodes[2].join(nodes[1]);
  reunion.check(nodes);
}

TEST_CASE("the founder leaves and joins again: all the same") {
  const Entries entries = make_entries("key", 300);
  Nodes nodes = cluster_with(3, entries);
  nodes[0].leave();
  const Reunion reunion(entries, nodes[0], nodes[1]);
  nodes[0].join(nodes[2]);
  reunion.check(nodes);
}

TEST_CASE("the other one of two joins the one that left: all the same") {
  const Entries entries = make_entries("key", 300);
  for (const std::size_t leaver : {0u, 1u}) {
    CAPTURE(leaver);
    Nodes nodes = cluster_with(2, entries);
    nodes[leaver].leave();
    const Reunion reunion(entries, nodes[leaver], nodes[1 - leaver]);
    nodes[1 - leaver].join(nodes[leaver]);
    reunion.check(nodes);
  }
}

TEST_CASE("a node leaves and joins ten times over, and nothing is lost, doubled or raised from the dead") {
  Entries expected = make_entries("key", 200);
  Nodes nodes = cluster_with(3, expected);
  for (int round = 0; round < 10; ++round) {
    TestNode& traveller = nodes[static_cast<std::size_t>(round) % 3];
    TestNode& stayer = nodes[static_cast<std::size_t>(round + 1) % 3];
    traveller.leave();
    const std::string deleted = expected.begin()->first;
    stayer.erase(deleted);
    expected.erase(deleted);
    traveller.put("round", std::to_string(round));
    expected["round"] = std::to_string(round);
    traveller.join(stayer);
    REQUIRE(all_list_all(nodes));
    REQUIRE(listing_difference(nodes, expected) == "");
    for (TestNode& node : nodes)
      REQUIRE(difference(node, expected) == "");
  }
}

TEST_CASE("all but one leave, and the last one has everything") {
  const Entries entries = make_entries("key", 300);
  Nodes nodes = cluster_with(4, entries);
  for (std::size_t i = 0; i < 3; ++i)
    nodes[i].leave();
  CHECK(difference(nodes[3], entries) == "");
  CHECK(nodes[3].peers() == Strings{"n3"});
  CHECK(nodes[3].keys().size() == entries.size());
}

}  // namespace
}  // namespace dht::integration
