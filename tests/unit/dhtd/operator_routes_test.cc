// What an operator does who accepts a loss: `POST /dht/forget`, `POST /dht/recover` (design.md 4 and 5).
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/server_double.h"

using namespace dhtd;
using namespace dhtd::testing;

namespace {

std::string request(std::string_view method, std::string_view target, std::string_view fields = {}) {
  return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: here:9876\r\n" + std::string(fields) +
         "\r\n";
}

std::string message_of(std::string_view answer) { return nlohmann::json::parse(body_of(answer)).at("message"); }

}  // namespace

TEST_CASE("a member is forgotten by its name; the answer comes when that is done, with a sentence") {
  ServerDouble server;
  server.wire.send(request("POST", "/dht/forget?name=a%20node"));
  CHECK(server.admin.forgotten == std::vector<std::string>{"a node"});
  CHECK(server.wire.receive().empty());
  server.admin.forget_handlers.at(0)({});
  const auto answer = server.wire.receive();
  CHECK(status_of(answer) == "200");
  CHECK(field_of(answer, "Content-Type") == "text/plain; charset=utf-8");
  CHECK(contains(body_of(answer), "\"a node\" is forgotten."));
}

TEST_CASE("a default name, which is an address, needs no encoding") {
  ServerDouble server;
  server.wire.send(request("POST", "/dht/forget?name=localhost:9877"));
  CHECK(server.admin.forgotten == std::vector<std::string>{"localhost:9877"});
}

TEST_CASE("whoever does not say clearly whom to forget is told how, and nobody is forgotten") {
  for (const char* target : {"/dht/forget", "/dht/forget?", "/dht/forget?name", "/dht/forget?name=",
                             "/dht/forget?name=a&name=b", "/dht/forget?name=%zz", "/dht/forget?node=a"}) {
    CAPTURE(target);
    ServerDouble server;
    const auto answer = server.exchange(request("POST", target));
    CHECK(status_of(answer) == "400");
    CHECK(contains(message_of(answer), "POST /dht/forget?name=NAME"));
    CHECK(server.admin.forgotten.empty());
  }
}

TEST_CASE("what stands in the way of forgetting, with the node's sentence") {
  struct Case {
    dht::Errc error;
    const char* status;
    const char* code;
    const char* retry;
  };
  for (const Case& each :
       {Case{dht::Errc::invalid_argument, "404", "no_such_member", ""},
        Case{dht::Errc::conflict, "409", "conflict", ""}, Case{dht::Errc::not_applied, "503", "not_applied", "1"},
        Case{dht::Errc::stopped, "503", "stopped", "1"}}) {
    ServerDouble server;
    server.wire.send(request("POST", "/dht/forget?name=b"));
    server.admin.forget_handlers.at(0)({each.error, "Because \"so\"."});
    const auto answer = server.wire.receive();
    CHECK(status_of(answer) == each.status);
    CHECK(field_of(answer, "Retry-After") == each.retry);
    CHECK(nlohmann::json::parse(body_of(answer)) ==
          nlohmann::json{{"error", each.code}, {"message", "Because \"so\"."}});
  }
}

TEST_CASE("a recovery needs force=true; without it the sentence says what it does and costs") {
  for (const char* target : {"/dht/recover", "/dht/recover?force", "/dht/recover?force=", "/dht/recover?force=false",
                             "/dht/recover?force=TRUE", "/dht/recover?force=true&force=true"}) {
    CAPTURE(target);
    ServerDouble server;
    const auto answer = server.exchange(request("POST", target));
    CHECK(status_of(answer) == "400");
    for (const char* part : {"majority", "stands alone", "lost", "force=true", "Nothing was changed"}) {
      CAPTURE(part);
      CHECK(contains(message_of(answer), part));
    }
    CHECK(server.admin.recover_handlers.empty());
  }
}

TEST_CASE("a forced recovery answers when it is done and says what comes next") {
  ServerDouble server;
  server.wire.send(request("POST", "/dht/recover?force=true"));
  REQUIRE(server.admin.recover_handlers.size() == 1);
  CHECK(server.wire.receive().empty());
  server.admin.recover_handlers[0]({});
  const auto answer = server.wire.receive();
  CHECK(status_of(answer) == "200");
  CHECK(contains(body_of(answer), "stands alone"));
  CHECK(contains(body_of(answer), "join them to this one"));
}

TEST_CASE("a node that holds a lease is not recovered by force") {
  ServerDouble server;
  server.wire.send(request("POST", "/dht/recover?force=true"));
  server.admin.recover_handlers.at(0)({dht::Errc::conflict, "It holds a lease."});
  const auto answer = server.wire.receive();
  CHECK(status_of(answer) == "409");
  CHECK(message_of(answer) == "It holds a lease.");
}

TEST_CASE("forgetting and recovering are for POST, and for no web page of another site") {
  for (const char* target : {"/dht/forget?name=b", "/dht/recover?force=true"}) {
    for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
      CAPTURE(method);
      ServerDouble server;
      const auto answer = server.exchange(request(method, target));
      CHECK(status_of(answer) == "405");
      CHECK(field_of(answer, "Allow") == "POST");
    }
    for (const char* fields : {"Origin: http://evil\r\n", "Sec-Fetch-Site: cross-site\r\n"}) {
      ServerDouble server;
      CHECK(status_of(server.exchange(request("POST", target, fields))) == "403");
      CHECK(server.admin.forgotten.empty());
      CHECK(server.admin.recover_handlers.empty());
    }
  }
}
