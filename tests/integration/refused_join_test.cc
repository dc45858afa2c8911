// Joins that cannot be: each gets a clear error, the node serves on as it was,
// and can still join afterwards.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "support/checked_client.h"
#include "support/fake_peers.h"
#include "support/print.h"
#include "support/test_node.h"

namespace dht::integration {
namespace {

const Entries& own_entries() {
  static const Entries entries = make_entries("own", 50);
  return entries;
}

TestNode node_with_entries() {
  TestNode node({.name = "joiner"});
  put_all(node, own_entries());
  return node;
}

// The status is one of an error's, the body says what happened, and the node is
// as it was.
void check_refused(TestNode& node, const std::string& list, int status) {
  CAPTURE(list);
  const auto start = SteadyClock::now();
  const Response response = node.http().post("/dht/join", list);
  CHECK_MESSAGE(response.status == status, response.status, " ", response.body);
  CHECK(seconds_since(start) < 25);
  const auto error = nlohmann::json::parse(response.body, nullptr, false);
  REQUIRE(error.is_object());
  CHECK(error.value("message", "").size() > 20);
  CHECK(node.peers() == std::vector<std::string>{node.name()});
  CHECK(difference(node, own_entries()) == "");
}

TEST_CASE("a join list of nonsense is a 400 that names the bad item") {
  TestNode node = node_with_entries();
  for (const char* list : {"", "\r\n,\n", "nonsense", "a:b", "localhost:0", "localhost:99999", "localhost:-1", ":9876",
                           "localhost:9876x", "name:localhost:", "[::1:9876", "<xml/>"})
    check_refused(node, list, 400);
  const Response response = node.http().post("/dht/join", "127.0.0.1:9999,rubbish");
  CHECK(response.status == 400);
  CHECK(response.body.find("rubbish") != std::string::npos);
  CHECK(node.http().post("/dht/join", std::string(200'000, 'x')).status == 413);
}

TEST_CASE("hosts on which nobody listens, or that do not exist, are an error") {
  TestNode node = node_with_entries();
  check_refused(node, fmt::format("127.0.0.1:{}", free_port()), 503);
  check_refused(node, fmt::format("a:127.0.0.1:{}, b:127.0.0.1:{}", free_port(), free_port()), 503);
  check_refused(node, "no-such-host.invalid:9876", 503);
  const std::string nobody = fmt::format("127.0.0.1:{}", free_port());
  CHECK(node.http().post("/dht/join", nobody).body.find(nobody + ": no dht node answers there") != std::string::npos);
}

TEST_CASE("a host that is no dhtd is an error, whatever it answers") {
  TestNode node = node_with_entries();
  const FakeServer other_server([](Socket& socket) {
    socket.receive();
    socket.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  });
  const FakeServer garbage([](Socket& socket) {
    socket.receive();
    socket.send(std::string(100'000, '\xee'));
  });
  const FakeServer closes([](Socket& socket) { socket.receive(); });
  const FakeServer says_yes_then_garbage([](Socket& socket) {
    socket.receive();
    socket.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: dht/1\r\n\r\n");
    socket.send(std::string(100'000, '\0'));
    socket.receive();
  });
  const FakeServer silent([](Socket& socket) {
    while (!socket.receive().empty())
      continue;
  });
  for (const FakeServer* server : {&other_server, &garbage, &closes, &says_yes_then_garbage, &silent})
    check_refused(node, to_string(server->endpoint()), 503);

  TestNode member({.name = "member"});
  node.join(member);
  CHECK(difference(member, own_entries()) == "");
}

TEST_CASE("a node that was told other settings is refused, one that was told none takes the cluster's") {
  TestNode founder({.name = "founder", .arguments = {"--partitions", "64", "--lease", "800"}});
  for (const auto& [option, value, sentence] :
       {std::array{"--partitions", "128", "partitions"}, std::array{"--lease", "1000", "lease"}}) {
    TestNode other({.name = "other", .arguments = {option, value}});
    put_all(other, own_entries());
    const Response response = other.http().post("/dht/join", founder.peer());
    CHECK(response.status == 409);
    CHECK(response.body.find(sentence) != std::string::npos);
    CHECK(difference(other, own_entries()) == "");
    CHECK(founder.keys().empty());
  }
  TestNode adopter = node_with_entries();
  adopter.join(founder);
  const auto status = nlohmann::json::parse(adopter.http().get("/dht/status").body);
  CHECK(status.at("partitions").at("total") == 64);
  CHECK(status.at("lease_ms") == 800);
  CHECK(difference(founder, own_entries()) == "");
}

TEST_CASE("a node whose name a member has is refused") {
  TestNode member({.name = "joiner"});
  TestNode node = node_with_entries();
  check_refused(node, member.peer(), 409);
  CHECK(member.peers() == std::vector<std::string>{"joiner"});
}

TEST_CASE("two joins at once to one cluster attach to each other, to two clusters one is refused") {
  Nodes hosts = start_nodes(2, "host");
  TestNode node = node_with_entries();
  put_all(node, make_entries("many", 20000));
  HttpClient first = node.new_client();
  HttpClient same = node.new_client();
  HttpClient different = node.new_client();
  for (HttpClient* client : {&first, &same})
    client->send_raw(client->format("POST", "/dht/join", hosts[0].peer()));
  different.send_raw(different.format("POST", "/dht/join", hosts[1].peer()));
  const int statuses[] = {first.read_response().status, same.read_response().status, different.read_response().status};
  // Whichever came first is served; had it been over before the other came,
  // both are.
  for (const int status : statuses)
    CHECK((status == 200 || status == 409));
  CHECK(std::ranges::count(statuses, 200) >= 1);
  CHECK(difference(node, own_entries()) == "");
}

TEST_CASE("a leave during a join is refused or waits its turn, and no data is lost") {
  TestNode host({.name = "host"});
  TestNode node = node_with_entries();
  put_all(node, make_entries("many", 20000));
  HttpClient joining = node.new_client();
  joining.send_raw(joining.format("POST", "/dht/join", host.peer()));
  const Response leave = node.http().post("/dht/leave");
  CHECK((leave.status == 200 || leave.status == 409));
  CHECK(joining.read_response().status == 200);
  CHECK(difference(host, own_entries()) == "");
}

TEST_CASE("a caller that hangs up cancels nothing") {
  Nodes nodes = start_nodes(2);
  put_all(nodes[1], own_entries());
  HttpClient caller = nodes[1].new_client();
  caller.send_raw(caller.format("POST", "/dht/join", nodes[0].peer()));
  caller.disconnect();
  CHECK(eventually([&] { return nodes[0].peers().size() == 2 && nodes[1].peers().size() == 2; }));
  CHECK(difference(nodes[0], own_entries()) == "");
}

TEST_CASE("two nodes that join each other at the same moment become one cluster") {
  for (int round = 0; round < 3; ++round) {
    Nodes nodes = start_nodes(2);
    nodes[0].put("of 0", "x");
    nodes[1].put("of 1", "y");
    nodes[0].http().send_raw(nodes[0].http().format("POST", "/dht/join", nodes[1].peer()));
    nodes[1].http().send_raw(nodes[1].http().format("POST", "/dht/join", nodes[0].peer()));
    CHECK(nodes[0].http().read_response().status == 200);
    CHECK(nodes[1].http().read_response().status == 200);
    CHECK(all_list_all(nodes));
    for (TestNode& node : nodes)
      CHECK(difference(node, {{"of 0", "x"}, {"of 1", "y"}}) == "");
  }
}

TEST_CASE("too few file descriptors: new connections fail, open ones are served, and it recovers") {
  Nodes nodes = start_cluster(2);
  put_all(nodes[0], own_entries());
  CHECK(difference(nodes[1], own_entries()) == "");  // its connections to the other one are open by now
  nodes[0].process().limit_open_files(nodes[0].process().open_files() + 10);
  std::vector<HttpClient> crowd;
  for (int i = 0; i < 60; ++i) {
    crowd.push_back(nodes[0].new_client(200ms));
    try {
      crowd.back().get("/");
    } catch (const std::system_error&) {
      // No descriptor was left for this one.
    }
  }
  CHECK(difference(nodes[0], own_entries()) == "");
  CHECK(difference(nodes[1], own_entries()) == "");
  crowd.clear();
  CHECK(eventually([&] {
    try {
      return nodes[0].new_client(500ms).get("/").status == 200;
    } catch (const std::system_error&) {
      return false;
    }
  }));
}

TEST_CASE("a joining node that is killed in the middle leaves a cluster that serves") {
  Nodes nodes = start_cluster(2);
  put_all(nodes[0], own_entries());
  {
    TestNode doomed({.name = "doomed"});
    put_all(doomed, make_entries("many", 50000));
    HttpClient caller = doomed.new_client();
    caller.send_raw(caller.format("POST", "/dht/join", nodes[0].peer()));
    CHECK(eventually([&] { return nodes[0].http().get("/dht/status").body.find("doomed") != std::string::npos; }));
  }
  for (TestNode& node : nodes)
    CHECK(difference(node, own_entries()) == "");
  TestNode next({.name = "next"});
  next.join(nodes[1]);
  CHECK(difference(next, own_entries()) == "");
}

}  // namespace
}  // namespace dht::integration
