// `/healthz`, `/readyz`, and what a client is told whose request nobody took (design.md 5 and 6).
#include <functional>
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <dht/partitioner.h>

#include "support/server_double.h"

using namespace dhtd;
using namespace dhtd::testing;

namespace {

std::string ask(ServerDouble& server, std::string_view path, std::string_view method = "GET") {
  return server.exchange(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
}

void change_map(FakeAdmin& admin, const std::function<void(dht::ClusterMap&)>& change) {
  dht::ClusterMap map = *admin.node_status.map;
  change(map);
  admin.node_status.map = std::make_shared<const dht::ClusterMap>(std::move(map));
}

void set_own_state(FakeAdmin& admin, dht::NodeState state) {
  change_map(admin, [state](dht::ClusterMap& map) { map.nodes.at(0).state = state; });
}

/// A second member, which alone has the entries of `key`'s partition.
void give_away(FakeAdmin& admin, std::string_view key, dht::NodeState holder) {
  change_map(admin, [&](dht::ClusterMap& map) {
    map.nodes.push_back({dht::NodeId{2}, "b", {"there", 1}, holder});
    map.partitions.at(dht::HashSlotPartitioner().partition_of(key, map.settings.partitions)).primary = dht::NodeId{2};
  });
}

std::string refusal_of(ServerDouble& server, std::string_view key, std::string_view method = "GET") {
  server.table.fail_next(dht::Errc::not_applied);
  const auto answer = ask(server, "/db/" + std::string(key), method);
  CHECK(status_of(answer) == "503");
  CHECK(field_of(answer, "Retry-After") == "1");
  const auto json = nlohmann::json::parse(body_of(answer));
  CHECK(json.at("error") == "not_applied");
  return json.at("message");
}

}  // namespace

TEST_CASE("a process that lives says so, whatever the node is about") {
  ServerDouble server;
  for (const auto state : {ServiceState::serving, ServiceState::leaving, ServiceState::left}) {
    server.state = state;
    server.admin.node_status.ready = false;
    CHECK(ask(server, "/healthz") ==
          "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
          "Content-Length: 6\r\n\r\nalive\n");
  }
}

TEST_CASE("a node is ready as an active member with a lease") {
  ServerDouble server;
  const auto answer = ask(server, "/readyz");
  CHECK(status_of(answer) == "200");
  CHECK(body_of(answer) == "ready\n");
}

TEST_CASE("readiness is judged anew at every request") {
  ServerDouble server;
  for (const bool ready : {true, false, true}) {
    server.admin.node_status.ready = ready;
    CHECK(status_of(ask(server, "/readyz")) == (ready ? "200" : "503"));
  }
}

TEST_CASE("a node that is not ready says why, in text") {
  struct Case {
    const char* reason;
    std::function<void(ServerDouble&)> happens;
  };
  for (const Case& each :
       {Case{"holds no lease: for 1000 ms", [](ServerDouble&) {}},
        Case{"is leaving", [](ServerDouble& server) { set_own_state(server.admin, dht::NodeState::leaving); }},
        Case{"calls it down", [](ServerDouble& server) { set_own_state(server.admin, dht::NodeState::down); }},
        Case{"given up by its cluster", [](ServerDouble& server) { server.admin.node_status.id = dht::NodeId{3}; }}}) {
    CAPTURE(each.reason);
    ServerDouble server;
    server.admin.node_status.ready = false;
    each.happens(server);
    const auto answer = ask(server, "/readyz");
    CHECK(status_of(answer) == "503");
    CHECK(field_of(answer, "Retry-After") == "1");
    CHECK(field_of(answer, "Content-Type") == "text/plain; charset=utf-8");
    CHECK(contains(body_of(answer), each.reason));
  }
}

TEST_CASE("a node that is stopping is not ready, however well it still serves") {
  ServerDouble server;
  for (const auto state : {ServiceState::leaving, ServiceState::left}) {
    server.state = state;
    const auto answer = ask(server, "/readyz");
    CHECK(status_of(answer) == "503");
    CHECK(contains(body_of(answer), "stopping"));
  }
}

TEST_CASE("HEAD has the head of GET, and nothing else is taken") {
  ServerDouble server;
  server.admin.node_status.ready = false;
  for (const char* path : {"/healthz", "/readyz"}) {
    CAPTURE(path);
    const auto get = ask(server, path);
    CHECK(ask(server, path, "HEAD") == get.substr(0, get.size() - body_of(get).size()));
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
      const auto answer = ask(server, path, method);
      CHECK(status_of(answer) == "405");
      CHECK(field_of(answer, "Allow") == "GET, HEAD");
    }
  }
  CHECK(status_of(ask(server, "/healthz/")) == "404");
}

TEST_CASE("a request for what only a member has that is down says who that is, what was kept and what to do") {
  ServerDouble server;
  give_away(server.admin, "k", dht::NodeState::down);
  for (const char* method : {"GET", "PUT", "DELETE"}) {
    CAPTURE(method);
    const auto message = refusal_of(server, "k", method);
    for (const char* part :
         {"not carried out", "only copy", "\"b\" (there:1)", "comes back", "POST /dht/forget?name=NAME"}) {
      CAPTURE(part);
      CHECK(contains(message, part));
    }
  }
  CHECK_FALSE(contains(refusal_of(server, "other"), "only copy"));
}

TEST_CASE("a conditional read of such a key says the same") {
  ServerDouble server;
  give_away(server.admin, "k", dht::NodeState::down);
  server.table.fail_next(dht::Errc::not_applied);
  CHECK(contains(server.exchange("GET /db/k HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"1\"\r\n\r\n"), "only copy"));
}

TEST_CASE("a request to a node without a lease says so, whoever has the key") {
  ServerDouble server;
  give_away(server.admin, "k", dht::NodeState::down);
  server.admin.node_status.ready = false;
  CHECK(contains(refusal_of(server, "k"), "this node holds no lease"));
  CHECK(contains(refusal_of(server, "other"), "this node holds no lease"));
}

TEST_CASE("a request that is merely late may be sent again") {
  ServerDouble server;
  give_away(server.admin, "k", dht::NodeState::active);
  CHECK(contains(refusal_of(server, "k"), "no primary took it in time"));
  set_own_state(server.admin, dht::NodeState::leaving);
  server.admin.node_status.ready = false;
  CHECK(contains(refusal_of(server, "k"), "no primary took it in time"));
}

TEST_CASE("whether a member may be stopped: only where the others go on with everything, and could bear a crash") {
  ServerDouble server;
  const auto reason = [&] {
    const auto answer = ask(server, "/dht/safe-to-stop");
    if (status_of(answer) == "200") return body_of(answer);
    CHECK(status_of(answer) == "503");
    const auto json = nlohmann::json::parse(body_of(answer));
    CHECK(json.at("error") == "not_safe_to_stop");
    return json.at("message").get<std::string>();
  };
  const auto says = [&](std::string_view part) { return reason().find(part) != std::string::npos; };
  auto& status = server.admin.node_status;
  CHECK(says("the only copy"));
  change_map(server.admin, [](dht::ClusterMap& map) {
    map.nodes.push_back({dht::NodeId{2}, "b", {"there", 1}, dht::NodeState::active});
    for (auto& partition : map.partitions)
      partition.backups = {dht::NodeId{2}};
  });
  CHECK(reason() == "safe\n");
  status.moving = 3;
  CHECK(says("3 partitions are on the move"));
  status.under_replicated = 4;
  CHECK(says("4 partitions have fewer copies"));
  status.members = {{dht::NodeId{2}, "b", {}, dht::NodeState::down, false}};
  CHECK(says("\"b\" is down"));
  status.members[0] = {dht::NodeId{2}, "b", {}, dht::NodeState::active, false};
  CHECK(says("\"b\" is silent"));
  server.state = ServiceState::leaving;
  CHECK(says("serves nothing just now"));
}
