// The leader is killed: the map can change again after about two leases (design.md 6).
#include <algorithm>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/leader_kills.h"

namespace dht::integration {
namespace {

TEST_CASE("the leader of five is killed three times, and each time the map changes again and it comes back") {
  LeaderKills kills;
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    const Takeover takeover = kills.next();
    fmt::print("after {:.2f} s another led, after {:.2f} s a join had succeeded\n", takeover.leader, takeover.change);
    if (timed_build()) CHECK(takeover.change < 10);
  }
  const Entries entries = make_entries("key", 200);
  put_all(kills.nodes()[0], entries);
  for (TestNode& node : kills.nodes())
    CHECK(difference(node, entries) == "");
  CHECK(listing_difference(kills.nodes(), entries) == "");
}

TEST_CASE("of two nodes the one that is no voter may crash, and the other goes on alone") {
  Nodes nodes = start_cluster(2);
  REQUIRE(nodes[0].view().voters == std::vector<std::string>{"n0"});
  const Entries entries = make_entries("key", 200);
  put_all(nodes[0], entries);
  const auto kept = nodes[0].keys();
  nodes[1].crash();
  CHECK(eventually([&] { return nodes[0].view().find("n1", "down") != nullptr; }));
  CHECK(nodes[0].is_ready());
  const auto values = get_all(nodes[0], kept);
  for (std::size_t i = 0; i < kept.size(); ++i)
    CHECK(values[i] == entries.at(kept[i]));
}

TEST_CASE("of two nodes the one that votes is missed by the other, which then refuses everything") {
  Nodes nodes = start_cluster(2);
  nodes[1].put("key", "value");
  nodes[0].crash();
  CHECK(eventually([&] { return !nodes[1].is_ready(); }));
  const Response refused = nodes[1].http().get(db("key"));
  CHECK(refused.status == 503);
  CHECK(refused.body.find("no lease") != std::string::npos);
  CHECK_FALSE(nodes[1].view().ready);
}

}  // namespace
}  // namespace dht::integration
