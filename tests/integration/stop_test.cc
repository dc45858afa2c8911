// Stopping by signal: a node in a cluster hands over what it holds, and says so
// by its exit code.
#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/checked_client.h"
#include "support/print.h"
#include "support/test_node.h"

namespace dht::integration {
namespace {

constexpr int kStoppedPastTimeout = 3;

TEST_CASE("a node that stands alone ends at once with 0") {
  for (const int number : {SIGTERM, SIGINT}) {
    TestNode node({.name = "a"});
    node.put("key", "value");
    node.expect_end();
    node.process().signal(number);
    CHECK(node.process().wait(5s) == 0);
  }
}

TEST_CASE("a node in a cluster ends with 0 and nothing is lost, whoever it is") {
  const Entries entries = make_entries("key", 500);
  Nodes nodes = start_cluster(4);
  put_all(nodes[1], entries);
  for (const std::size_t stopped : {0u, 2u, 3u}) {
    CHECK(nodes[stopped].terminate() == 0);
    CHECK(difference(nodes[1], entries) == "");
    CHECK_FALSE(std::ranges::count(nodes[1].peers(), nodes[stopped].name()));
  }
  CHECK(nodes[1].peers() == std::vector<std::string>{"n1"});
}

TEST_CASE("a stop under load is seen by no client of the other nodes") {
  Nodes nodes = start_cluster(4);
  ServingNodes in_service({nodes[0].endpoint(), nodes[1].endpoint()});
  CheckedClient first(1, in_service), second(2, in_service);
  for (const std::size_t stopped : {3u, 2u}) {
    const auto before = first.operations();
    CHECK(eventually([&] { return first.operations() > before + 100; }));
    CHECK(nodes[stopped].terminate() == 0);
  }
  CHECK(first.stop() == "");
  CHECK(second.stop() == "");
  Entries expected = first.expected();
  expected.insert(second.expected().begin(), second.expected().end());
  for (const std::size_t i : {0u, 1u})
    CHECK(difference(nodes[i], expected) == "");
}

TEST_CASE("a node with idle and stuck connections stops all the same") {
  TestNode node({.name = "a"});
  std::vector<HttpClient> stuck;
  for (const char* bytes : {"", "GET / HT", "PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"}) {
    stuck.push_back(node.new_client());
    stuck.back().send_raw(bytes);
  }
  CHECK(node.http().get("/").status == 200);
  CHECK(node.terminate(10s) == 0);
}

TEST_CASE("a stop that cannot hand over ends past its time-out with 3 and says what stays behind") {
  Nodes nodes = start_cluster(2, "n", {"--stop-timeout", "2"});
  put_all(nodes[0], make_entries("key", 100));
  nodes[0].process().signal(SIGSTOP);
  const auto start = SteadyClock::now();
  nodes[1].expect_end();
  nodes[1].process().signal(SIGTERM);
  REQUIRE(eventually([&] { return !nodes[1].is_ready(); }));
  CHECK(nodes[1].http().get("/readyz").body.find("stopping") != std::string::npos);
  CHECK(nodes[1].http().get("/healthz").status == 200);
  CHECK(nodes[1].process().wait(kPatience) == kStoppedPastTimeout);
  CHECK(seconds_since(start) < 15);
  CHECK(nodes[1].log().find("partitions") != std::string::npos);
}

TEST_CASE("a second signal ends it at once") {
  Nodes nodes = start_cluster(2);
  nodes[0].process().signal(SIGSTOP);
  nodes[1].expect_end();
  nodes[1].process().signal(SIGTERM);
  CHECK_FALSE(nodes[1].process().wait(500ms));
  nodes[1].process().signal(SIGTERM);
  const auto code = nodes[1].process().wait(5s);
  REQUIRE(code);
  CHECK(*code != 0);
}

TEST_CASE("a stop during its own join ends the process and loses nothing of the cluster's") {
  const Entries entries = make_entries("key", 200);
  Nodes nodes = start_cluster(2);
  put_all(nodes[0], entries);
  TestNode joining({.name = "joining"});
  put_all(joining, make_entries("many", 20000));
  HttpClient caller = joining.new_client();
  caller.send_raw(caller.format("POST", "/dht/join", nodes[0].peer()));
  CHECK(joining.terminate() == 0);
  for (TestNode& node : nodes)
    CHECK(difference(node, entries) == "");
  CHECK(all_list_all(nodes));
}

TEST_CASE("--join at start makes the node a member") {
  TestNode first({.name = "first"});
  first.put("key", "value");
  TestNode second({.name = "second", .arguments = {"--join", first.peer()}});
  CHECK(eventually([&] { return first.peers().size() == 2 && second.peers().size() == 2; }));
  CHECK(second.get("key") == "value");
}

TEST_CASE("--join waits for a host that comes up later") {
  const std::uint16_t port = free_port();
  TestNode early({.name = "early", .arguments = {"--join", fmt::format("127.0.0.1:{}", port)}});
  TestNode late({.name = "late", .port = port});
  CHECK(eventually([&] { return late.peers().size() == 2; }));
  late.put("key", "value");
  CHECK(early.get("key") == "value");
}

TEST_CASE("five nodes started at once with one list of all of them become one cluster") {
  std::vector<NodeSetup> setups;
  std::string list;
  for (int i = 0; i < 5; ++i) {
    setups.push_back({.name = fmt::format("n{}", i), .port = free_port()});
    list += fmt::format("n{}:127.0.0.1:{},", i, setups.back().port);
  }
  Nodes nodes;
  for (NodeSetup& setup : setups) {
    setup.arguments = {"--join", list};
    nodes.push_back(TestNode::spawn(setup));
  }
  for (TestNode& node : nodes)
    node.await_listening();
  CHECK(eventually([&] { return all_list_all(nodes); }, 60s));
  const Entries entries = make_entries("key", 100);
  put_all(nodes[2], entries);
  for (TestNode& node : nodes)
    CHECK(difference(node, entries) == "");
  // A key that moves between two listings is in both, or in neither.
  CHECK(eventually([&] { return all_settled(nodes); }, 60s));
  CHECK(listing_difference(nodes, entries) == "");
}

TEST_CASE("a port that is taken, and an unknown option, end the program with a sentence") {
  TestNode first({.name = "first"});
  TestNode second = TestNode::spawn({.name = "second", .port = first.endpoint().port});
  second.expect_end();
  const auto taken = second.process().wait(10s);
  REQUIRE(taken);
  CHECK(*taken != 0);
  CHECK(second.log().find(std::to_string(first.endpoint().port)) != std::string::npos);

  TestNode third = TestNode::spawn({.name = "third", .arguments = {"--no-such-option"}});
  third.expect_end();
  const auto unknown = third.process().wait(10s);
  REQUIRE(unknown);
  CHECK(*unknown != 0);
  CHECK(third.log().find("--no-such-option") != std::string::npos);
}

}  // namespace
}  // namespace dht::integration
