// http-api.md, "The base contract", byte by byte.
#include <string>

#include <doctest/doctest.h>

#include "support/server_double.h"

using namespace dhtd;
using namespace dhtd::testing;

namespace {

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const std::string kAbsent =
    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nX-Content-Type-Options: nosniff\r\n"
    "Content-Length: 0\r\n\r\n";

std::string get(std::string_view target) { return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n"; }
std::string put(std::string_view target, std::string_view body) {
  return "PUT " + std::string(target) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}
std::string del(std::string_view target) { return "DELETE " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

}  // namespace

TEST_CASE("GET / answers 200 with nothing") {
  ServerDouble server;
  CHECK(server.exchange(get("/")) == kOk);
}

TEST_CASE("an absent key is a 200 with an empty body and no ETag") {
  ServerDouble server;
  CHECK(server.exchange(get("/db/nothing")) == kAbsent);
}

TEST_CASE("what was put is got, with an ETag, and a write answers with the new ETag") {
  ServerDouble server;
  const auto written = server.exchange(put("/db/key", "some value"));
  CHECK(status_of(written) == "200");
  CHECK(body_of(written).empty());
  const auto read = server.exchange(get("/db/key"));
  CHECK(read ==
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nX-Content-Type-Options: nosniff\r\nETag: " +
            field_of(written, "ETag") + "\r\nContent-Length: 10\r\n\r\nsome value");
  CHECK(field_of(written, "ETag").front() == '"');

  const auto overwritten = server.exchange(put("/db/key", "other"));
  CHECK(field_of(overwritten, "ETag") != field_of(written, "ETag"));
  CHECK(body_of(server.exchange(get("/db/key"))) == "other");
}

TEST_CASE("POST writes as PUT does, and takes a form's body as it is") {
  ServerDouble server;
  const auto answer = server.exchange(
      "POST /db/form HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
      "5\r\n\r\na=b&c");
  CHECK(status_of(answer) == "200");
  CHECK(body_of(server.exchange(get("/db/form"))) == "a=b&c");
}

TEST_CASE("DELETE answers 200 whether the key exists or not") {
  ServerDouble server;
  server.exchange(put("/db/key", "v"));
  CHECK(server.exchange(del("/db/key")) == kOk);
  CHECK(server.exchange(get("/db/key")) == kAbsent);
  CHECK(server.exchange(del("/db/key")) == kOk);
}

TEST_CASE("a PUT without Content-Length is an empty value, which exists") {
  ServerDouble server;
  CHECK(status_of(server.exchange("PUT /db/empty HTTP/1.1\r\nHost: a\r\n\r\n")) == "200");
  const auto read = server.exchange(get("/db/empty"));
  CHECK(body_of(read).empty());
  CHECK_FALSE(field_of(read, "ETag").empty());
}

TEST_CASE("a key is everything up to the ?, percent-decoded, slashes and zero bytes included") {
  ServerDouble server;
  server.exchange(put("/db/a/b%2Fc%00d+e?ignored=1", "v"));
  REQUIRE(server.table.get(std::string_view("a/b/c\0d+e", 9)).has_value());
  CHECK(body_of(server.exchange(get("/db/a%2fb/c%00d+e"))) == "v");
  CHECK(body_of(server.exchange(get("/db/a/b/c%00d%2Be?x"))) == "v");
  CHECK(server.exchange(get("/db/a/b/c%00d%20e")) == kAbsent);  // a plus is no blank
}

TEST_CASE("values are any bytes") {
  ServerDouble server;
  std::string value;
  for (int i = 0; i < 256; ++i)
    value.push_back(static_cast<char>(i));
  server.exchange(put("/db/bytes", value));
  CHECK(body_of(server.exchange(get("/db/bytes"))) == value);
}

TEST_CASE("a bad escape and an empty key are 400") {
  ServerDouble server;
  for (const char* target : {"/db/%zz", "/db/%", "/db/a%1", "/db/%g0", "/db/"}) {
    CAPTURE(target);
    const auto answer = server.exchange(get(target));
    CHECK(status_of(answer) == "400");
    CHECK(contains(body_of(answer), "\"error\":\"bad_request\""));
    CHECK(status_of(server.exchange(put(target, "v"))) == "400");
  }
  CHECK(server.table.size() == 0);
}

TEST_CASE("an absolute-form target is taken") {
  ServerDouble server;
  server.exchange(put("http://localhost:9876/db/key?x", "v"));
  CHECK(body_of(server.exchange(get("/db/key"))) == "v");
  CHECK(server.exchange(get("http://localhost:9876")) == kOk);
}

TEST_CASE("HEAD answers as GET without the body") {
  ServerDouble server;
  server.exchange(put("/db/key", "four"));
  const auto read = server.exchange(get("/db/key"));
  const auto head = server.exchange("HEAD /db/key HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(head + "four" == read);
  CHECK(server.exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n") == kOk);
}

TEST_CASE("unknown routes are 404, unknown methods of known ones 405 with Allow") {
  ServerDouble server;
  for (const char* target : {"/nothing", "/dbx", "/dht", "/dht/", "/dht/nothing", "/kv/key", "*"}) {
    CAPTURE(target);
    const auto answer = server.exchange("OPTIONS " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(status_of(answer) == "404");
    CHECK(contains(body_of(answer), "\"error\":\"no_such_route\""));
  }
  struct Case {
    const char* request;
    const char* allow;
  };
  for (const Case& each : {Case{"PATCH /db/key", "GET, HEAD, PUT, POST, DELETE"}, Case{"PUT /db", "GET, HEAD"},
                           Case{"DELETE /", "GET, HEAD"}, Case{"POST /dht/peers", "GET, HEAD"},
                           Case{"GET /dht/join", "POST, PUT"}, Case{"PUT /dht/leave", "GET, POST"},
                           Case{"HEAD /dht/leave", "GET, POST"}, Case{"DELETE /dht/status", "GET, HEAD"}}) {
    CAPTURE(each.request);
    const auto answer = server.exchange(std::string(each.request) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(status_of(answer) == "405");
    CHECK(field_of(answer, "Allow") == each.allow);
  }
  CHECK(server.admin.leave_handlers.empty());
}

TEST_CASE("a method that HTTP does not know is 405 as well, and ends the connection") {
  ServerDouble server;
  const auto answer = server.exchange("BREW /db/pot HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(status_of(answer) == "405");
  CHECK(field_of(answer, "Connection") == "close");
  CHECK(server.wire.session().finished());
}

TEST_CASE("entity tags: conditions on writes are atomic in the table, and 412 where they do not hold") {
  ServerDouble server;
  const auto conditional = [&](std::string_view field, std::string_view body) {
    return server.exchange("PUT /db/key HTTP/1.1\r\nHost: a\r\n" + std::string(field) +
                           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  };
  CHECK(status_of(conditional("If-Match: *", "a")) == "412");
  const auto created = conditional("If-None-Match: *", "b");
  CHECK(status_of(created) == "200");
  CHECK(status_of(conditional("If-None-Match: *", "c")) == "412");
  CHECK(status_of(conditional("If-Match: \"1\"", "d")) == "412");
  CHECK(status_of(conditional("If-Match: \"somebody-else's\"", "d")) == "412");
  CHECK(body_of(server.exchange(get("/db/key"))) == "b");
  CHECK(status_of(conditional("If-Match: " + field_of(created, "ETag"), "e")) == "200");
  CHECK(body_of(server.exchange(get("/db/key"))) == "e");
  CHECK(status_of(server.exchange("DELETE /db/key HTTP/1.1\r\nHost: a\r\nIf-Match: \"1\"\r\n\r\n")) == "412");
  CHECK(status_of(server.exchange("DELETE /db/key HTTP/1.1\r\nHost: a\r\nIf-Match: *\r\n\r\n")) == "200");
  CHECK(status_of(server.exchange("DELETE /db/key HTTP/1.1\r\nHost: a\r\nIf-Match: *\r\n\r\n")) == "412");
}

TEST_CASE("If-None-Match on GET answers 304 without a body to a reader who has this version") {
  ServerDouble server;
  const auto tag = field_of(server.exchange(put("/db/key", "v")), "ETag");
  const auto ask = [&](const std::string& known) {
    return server.exchange("GET /db/key HTTP/1.1\r\nHost: a\r\nIf-None-Match: " + known + "\r\n\r\n");
  };
  CHECK(ask(tag) == "HTTP/1.1 304 Not Modified\r\nETag: " + tag + "\r\n\r\n");
  CHECK(status_of(ask("\"1\", " + tag)) == "304");
  CHECK(status_of(ask("W/" + tag)) == "304");
  CHECK(status_of(ask("\"1\"")) == "200");
  CHECK(status_of(server.exchange("GET /db/no HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n")) == "200");
}

TEST_CASE("each error of the table has its status, and 503 says when to try again") {
  struct Case {
    dht::Errc error;
    const char* status;
    const char* code;
  };
  for (const Case& each :
       {Case{dht::Errc::not_applied, "503", "not_applied"}, Case{dht::Errc::overloaded, "503", "overloaded"},
        Case{dht::Errc::stopped, "503", "stopped"}, Case{dht::Errc::cancelled, "503", "cancelled"},
        Case{dht::Errc::outcome_unknown, "504", "outcome_unknown"},
        Case{dht::Errc::precondition_failed, "412", "precondition_failed"},
        Case{dht::Errc::too_large, "413", "too_large"}, Case{dht::Errc::invalid_argument, "400", "invalid_argument"},
        Case{dht::Errc::corrupt, "500", "internal"}, Case{dht::Errc::out_of_memory, "507", "out_of_memory"}}) {
    CAPTURE(each.code);
    ServerDouble server;
    server.table.fail_next(each.error);
    const auto answer = server.exchange(put("/db/key", "v"));
    CHECK(status_of(answer) == each.status);
    CHECK(field_of(answer, "Content-Type") == "application/json");
    CHECK(contains(body_of(answer), "{\"error\":\"" + std::string(each.code) + "\",\"message\":\""));
    CHECK(field_of(answer, "Retry-After") == (status_of(answer) == "503" ? "1" : ""));
    CHECK(status_of(server.exchange(get("/"))) == "200");  // the connection goes on
  }
}

TEST_CASE("once the node has left, everything is refused") {
  ServerDouble server;
  server.exchange(put("/db/key", "v"));
  server.state = ServiceState::left;
  for (const char* target : {"/", "/db/key", "/db", "/dht/peers", "/dht/status"}) {
    CAPTURE(target);
    const auto answer = server.exchange(get(target));
    CHECK(status_of(answer) == "503");
    CHECK(contains(body_of(answer), "stopped"));
  }
}
