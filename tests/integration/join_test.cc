// Joining: two tables become one, on every member at once, and evenly spread.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "support/print.h"
#include "support/test_node.h"

namespace dht::integration {
namespace {

TEST_CASE("two nodes with different data joined: both see the union") {
  Nodes nodes = start_nodes(2);
  Entries all = make_entries("zero-", 100);
  put_all(nodes[0], all);
  const Entries others = make_entries("one-", 100);
  put_all(nodes[1], others);
  nodes[1].join(nodes[0]);
  all.insert(others.begin(), others.end());
  for (TestNode& node : nodes)
    CHECK(difference(node, all) == "");
  CHECK(all_list_all(nodes));
  CHECK(listing_difference(nodes, all) == "");
}

// The version that a write was given.
std::uint64_t version_of(const Response& response) {
  return std::stoull(response.header("ETag").value_or("\"0\"").substr(1));
}

// Tables that know nothing of each other may give one version twice in a millisecond, so the later write is repeated
// until its version is the newer one.
void put_old_then_new(TestNode& first, TestNode& second, const std::string& key) {
  const std::uint64_t before = version_of(first.http().put(db(key), "old"));
  CHECK(eventually([&] { return version_of(second.http().put(db(key), "new")) > before; }));
}

TEST_CASE("of two values for one key the newer one wins a join, whichever side wrote it") {
  Nodes nodes = start_nodes(2);
  put_old_then_new(nodes[0], nodes[1], "newer on 1");
  put_old_then_new(nodes[1], nodes[0], "newer on 0");
  nodes[1].join(nodes[0]);
  for (TestNode& node : nodes) {
    CHECK(node.get("newer on 1") == "new");
    CHECK(node.get("newer on 0") == "new");
  }
}

TEST_CASE("what one member writes or deletes, every other reads at once") {
  Nodes nodes = start_cluster(3);
  for (int i = 0; i < 300; ++i) {
    const std::string key = fmt::format("key{}", i % 50);
    TestNode& writer = nodes[static_cast<std::size_t>(i) % 3];
    const bool erase = i % 7 == 0;
    erase ? writer.erase(key) : writer.put(key, std::to_string(i));
    for (TestNode& reader : nodes)
      REQUIRE(reader.get(key) == (erase ? "" : std::to_string(i)));
  }
}

TEST_CASE("a join list may be long, name the joining node itself and name members that are silent") {
  Nodes nodes = start_nodes(2);
  nodes[0].put("key", "value");
  const std::string list = fmt::format("{}\r\nsilent:127.0.0.1:{}\n{},{}\r\n", nodes[1].peer(), free_port(),
                                       nodes[0].peer(), to_string(nodes[0].endpoint()));
  CHECK(nodes[1].http().put("/dht/join", list).status == 200);
  CHECK(nodes[1].get("key") == "value");
  CHECK(all_list_all(nodes));
}

TEST_CASE("a join list may name the joining node itself by another name of its host") {
  Nodes nodes = start_nodes(2);
  const std::string own = fmt::format("localhost:{}", nodes[1].endpoint().port);
  CHECK(nodes[1].http().post("/dht/join", own).status == 200);  // a list of only itself
  CHECK(nodes[1].peers().size() == 1);
  CHECK(nodes[1].http().post("/dht/join", own + "," + nodes[0].peer()).status == 200);
  CHECK(all_list_all(nodes));
}

TEST_CASE("a join to the cluster that it is in already is nothing to do, and a success") {
  Nodes nodes = start_cluster(2);
  nodes[1].join(nodes[0]);
  nodes[0].join(nodes[1]);
  CHECK(all_list_all(nodes));
}

TEST_CASE("a member of one cluster that joins another leaves the first, which keeps its data") {
  Nodes first = start_cluster(2, "first");
  Nodes second = start_cluster(2, "second");
  const Entries of_first = make_entries("first-", 200);
  Entries of_second = make_entries("second-", 200);
  put_all(first[0], of_first);
  put_all(second[0], of_second);
  const std::vector<std::string> carried = first[1].keys();
  first[1].join(second[0]);
  CHECK(difference(first[0], of_first) == "");
  CHECK(first[0].peers() == std::vector<std::string>{"first0"});
  for (const std::string& key : carried)
    of_second[key] = of_first.at(key);
  for (TestNode& node : second)
    CHECK(difference(node, of_second) == "");
  CHECK(difference(first[1], of_second) == "");
  CHECK(second[0].peers().size() == 3);
}

TEST_CASE("ten nodes with 100 keys each join one after another, each step visible everywhere at once") {
  Nodes started = start_nodes(10);
  std::vector<Entries> of_node;
  for (std::size_t i = 0; i < started.size(); ++i) {
    of_node.push_back(make_entries(fmt::format("of{}-", i), 100));
    put_all(started[i], of_node.back());
  }
  Nodes members;
  members.push_back(std::move(started[0]));
  Entries all = of_node[0];
  double joins = 0;
  for (std::size_t i = 1; i < started.size(); ++i) {
    const auto start = SteadyClock::now();
    started[i].join(members[i / 2]);
    joins += seconds_since(start);
    members.push_back(std::move(started[i]));
    all.insert(of_node[i].begin(), of_node[i].end());
    REQUIRE(all_list_all(members));
    for (TestNode& member : members)
      REQUIRE(difference(member, all) == "");
    REQUIRE(listing_difference(members, all) == "");
  }
  fmt::print("nine joins took {:.2f} s together\n", joins);
  if (timed_build()) CHECK(joins < 5);
}

TEST_CASE("1,000 keys put through random nodes of ten are spread evenly, each listed once") {
  Nodes nodes = start_cluster(10);
  const Entries entries = make_entries("key", 1000);
  std::mt19937_64 random(1);
  for (const auto& [key, value] : entries)
    nodes[random() % nodes.size()].put(key, value);
  CHECK(listing_difference(nodes, entries) == "");
  for (TestNode& node : nodes) {
    const std::size_t count = node.keys().size();
    CHECK_MESSAGE((count >= 25 && count <= 250), node.name(), " holds ", count);
  }
}

nlohmann::json status_of(TestNode& node) { return nlohmann::json::parse(node.http().get("/dht/status").body); }

TEST_CASE("every member's status shows the same members, each with an even share of the partitions") {
  Nodes nodes = start_cluster(3);
  for (TestNode& node : nodes) {
    // What the others did last is told with heartbeats, so it shows a moment later.
    CHECK(eventually([&] { return status_of(node).at("operations").empty(); }));
    const auto status = status_of(node);
    CHECK(status.at("name") == node.name());
    CHECK(status.at("ready") == true);
    REQUIRE(status.at("members").size() == 3);
    const int total = status.at("partitions").at("total");
    for (const auto& member : status.at("members")) {
      CHECK(member.at("state") == "active");
      const int share = member.at("primary");
      CHECK((share == total / 3 || share == total / 3 + 1));
    }
    CHECK(status.at("partitions").at("healthy") == total);
    CHECK(status.at("partitions").at("moving") == 0);
  }
}

}  // namespace
}  // namespace dht::integration
