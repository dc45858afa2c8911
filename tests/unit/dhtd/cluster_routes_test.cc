// `/dht/...`: peers, join, leave, status, and who may ask.
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/server_double.h"

using namespace dhtd;
using namespace dhtd::testing;

namespace {

std::string join(std::string_view peers, std::string_view fields = {}) {
  return "POST /dht/join HTTP/1.1\r\nHost: here:9876\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(peers.size()) + "\r\n\r\n" + std::string(peers);
}

}  // namespace

TEST_CASE("peers are named one a line, this node first") {
  ServerDouble server;
  server.admin.peer_names = {"localhost:9876", "b", "c"};
  CHECK(server.exchange("GET /dht/peers HTTP/1.1\r\nHost: a\r\n\r\n") ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
        "Content-Length: 22\r\n\r\nlocalhost:9876\r\nb\r\nc\r\n");
}

TEST_CASE("a join passes its body on and answers when it is done; the connection stays usable meanwhile") {
  ServerDouble server;
  server.wire.send(join("a:localhost:1\r\nlocalhost:2"));
  REQUIRE(server.admin.joins.size() == 1);
  CHECK(server.admin.joins.front() == "a:localhost:1\r\nlocalhost:2");
  CHECK(server.wire.receive().empty());
  server.wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  server.admin.join_handlers.front()({});
  CHECK(server.wire.receive() ==
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("PUT joins too, and GET and POST leave") {
  ServerDouble server;
  server.wire.send("PUT /dht/join HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na:1");
  CHECK(server.admin.joins.size() == 1);
  server.admin.join_handlers.front()({});
  server.wire.send("GET /dht/leave HTTP/1.1\r\nHost: a\r\n\r\nPOST /dht/leave HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(server.admin.leave_handlers.size() == 2);
  for (auto& handler : server.admin.leave_handlers)
    handler({});
  const auto answers = server.wire.receive();
  CHECK_FALSE(contains(answers, "error"));
}

TEST_CASE("the errors of join and leave, with the node's sentence") {
  struct Case {
    dht::Errc error;
    const char* status;
    const char* retry;
  };
  for (const Case& each : {Case{dht::Errc::invalid_argument, "400", ""}, Case{dht::Errc::unreachable, "503", "1"},
                           Case{dht::Errc::conflict, "409", ""}, Case{dht::Errc::incompatible, "409", ""},
                           Case{dht::Errc::not_applied, "503", "1"}, Case{dht::Errc::stopped, "503", "1"}}) {
    ServerDouble server;
    server.wire.send(join("x:1"));
    server.admin.join_handlers.front()({each.error, "Because \"so\"."});
    const auto answer = server.wire.receive();
    CHECK(status_of(answer) == each.status);
    CHECK(field_of(answer, "Retry-After") == each.retry);
    const auto json = nlohmann::json::parse(body_of(answer));
    CHECK(json.at("error").get<std::string>().size() > 0);
    CHECK(json.at("message").get<std::string>().starts_with("Because \"so\"."));

    server.wire.send("POST /dht/leave HTTP/1.1\r\nHost: a\r\n\r\n");
    server.admin.leave_handlers.front()({each.error, "Because."});
    CHECK(status_of(server.wire.receive()) == each.status);
  }
}

TEST_CASE("a message with bytes that are no UTF-8 still makes JSON") {
  ServerDouble server;
  server.wire.send(join("\xff"));
  server.admin.join_handlers.front()({dht::Errc::invalid_argument, "'\xff' is no peer."});
  CHECK(nlohmann::json::accept(body_of(server.wire.receive())));
}

TEST_CASE("web pages of other sites may not speak to the cluster; programs and own pages may") {
  for (const char* fields :
       {"Origin: http://evil\r\n", "Origin: null\r\n", "Origin: http://here:9877\r\n", "Sec-Fetch-Site: cross-site\r\n",
        "Origin: here:9876\r\n", "Sec-Fetch-Site: same-site\r\n", "Sec-Fetch-Site:\r\n", "Origin:\r\n"}) {
    CAPTURE(fields);
    ServerDouble server;
    const auto answer = server.exchange(join("a:1", fields));
    CHECK(status_of(answer) == "403");
    CHECK(server.admin.joins.empty());
  }
  for (const char* fields :
       {"", "Origin: http://here:9876\r\n", "Origin: HTTPS://HERE:9876\r\n",
        "Sec-Fetch-Site: same-origin\r\nOrigin: http://here:9876\r\n", "Sec-Fetch-Site: none\r\n"}) {
    CAPTURE(fields);
    ServerDouble server;
    server.wire.send(join("a:1", fields));
    CHECK(server.admin.joins.size() == 1);
  }
  ServerDouble server;
  CHECK(status_of(server.exchange("GET /dht/leave HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: cross-site\r\n\r\n")) ==
        "403");
  CHECK(server.admin.leave_handlers.empty());
}

TEST_CASE("an upgrade to the peers' protocol must be named by the Connection field too") {
  ServerDouble server;
  for (const char* fields : {"Upgrade: dht/1\r\n", "Connection: keep-alive\r\nUpgrade: dht/1\r\n"}) {
    CAPTURE(fields);
    const auto answer = server.exchange("GET /dht/peer HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
    CHECK(status_of(answer) == "426");
  }
}

TEST_CASE("the status has the fields that others rely on") {
  ServerDouble server;
  dht::ClusterMap map;
  map.cluster = dht::ClusterId{0x4c};
  map.revision = 17;
  map.settings.replicas = 2;
  map.settings.lease_ms = 2500;
  map.leader = dht::NodeId{1};
  map.voters = {dht::NodeId{1}, dht::NodeId{9}};
  map.nodes = {{dht::NodeId{1}, "a", {"localhost", 9876}, dht::NodeState::active}};
  auto& status = server.admin.node_status;
  status.name = "a";
  status.id = dht::NodeId{1};
  status.address = {"localhost", 9876};
  status.map = std::make_shared<const dht::ClusterMap>(map);
  status.ready = true;
  status.healthy = 1020;
  status.under_replicated = 1;
  status.unserved = 2;
  status.moving = 1;
  status.members = {
      {dht::NodeId{1}, "a", {"localhost", 9876}, dht::NodeState::active, true, 342, 341, 100012, 11601392}};
  status.operations = {{"join", "d", 80, 256, 900000, 0.5}};

  const auto answer = server.exchange("GET /dht/status HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(status_of(answer) == "200");
  CHECK(field_of(answer, "Content-Type") == "application/json");
  CHECK(nlohmann::json::parse(body_of(answer)) == nlohmann::json::parse(R"({
    "name": "a", "id": "0000000000000001", "address": "localhost:9876", "cluster": "000000000000004c", "revision": 17,
    "leader": "a", "voters": ["a", "0000000000000009"], "replicas": 2,
    "lease_ms": 2500, "ready": true,
    "partitions": {"total": 1024, "healthy": 1020, "under_replicated": 1, "unserved": 2, "moving": 1},
    "members": [{"name": "a", "id": "0000000000000001", "address": "localhost:9876", "state": "active", "lease": true,
                 "primary": 342, "backup": 341, "entries": 100012, "bytes": 11601392}],
    "operations": [{"kind": "join", "node": "d", "done": 80, "total": 256, "bytes_done": 900000, "seconds": 0.5}]})"));

  server.state = ServiceState::leaving;
  const auto leaving = nlohmann::json::parse(body_of(server.exchange("GET /dht/status HTTP/1.1\r\nHost: a\r\n\r\n")));
  CHECK(leaving.at("ready") == false);
}
