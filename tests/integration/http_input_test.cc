// What bad, odd and slow HTTP input gets: a clear answer for whoever sent it,
// and service for everybody else.
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/print.h"
#include "support/test_node.h"

namespace dht::integration {
namespace {

using namespace std::string_view_literals;

// Sends bytes that may be refused before the last of them is sent, and gives
// the answer.
Response answer_to(TestNode& node, std::string_view bytes) {
  HttpClient client = node.new_client();
  try {
    client.send_raw(bytes);
  } catch (const std::system_error&) {
    // The answer is there nevertheless.
  }
  return client.read_response();
}

std::string with_head(std::string_view head) { return std::string(head) + "\r\nHost: a\r\n\r\n"; }

void check_refusal(const Response& response, int status) {
  CHECK(response.status == status);
  const auto error = nlohmann::json::parse(response.body, nullptr, false);
  REQUIRE(error.is_object());
  CHECK(error.value("error", "") != "");
  CHECK(error.value("message", "").size() > 10);
}

TEST_CASE("malformed requests get a 400 that says what is wrong") {
  TestNode node({.name = "a"});
  for (const std::string_view bytes : std::initializer_list<std::string_view>{
           "nonsense\r\n\r\n",
           "GET\r\n\r\n",
           "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n"sv,
           "PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
           "PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n",
           "PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
           "PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "PUT /db/k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
       }) {
    CAPTURE(bytes);
    check_refusal(answer_to(node, bytes), 400);
  }
  CHECK(node.http().get("/").status == 200);
  CHECK(node.keys().empty());
}

TEST_CASE("a bad escape and an empty key get a 400") {
  TestNode node({.name = "a"});
  for (const char* target : {"/db/%zz", "/db/%4", "/db/%", "/db/"}) {
    CAPTURE(target);
    check_refusal(node.http().get(target), 400);
    check_refusal(node.http().put(target, "x"), 400);
  }
  CHECK(node.keys().empty());
}

TEST_CASE("an unknown route gets a 404, a method that a route lacks a 405 with those it has") {
  TestNode node({.name = "a"});
  check_refusal(node.http().get("/nowhere"), 404);
  check_refusal(node.http().get("/dht/nothing"), 404);
  const Response wrong = node.http().put("/dht/peers", "x");
  check_refusal(wrong, 405);
  CHECK(wrong.header("Allow").value_or("").find("GET") != std::string::npos);
  const Response patch = node.http().request("PATCH", "/db/key", "x");
  check_refusal(patch, 405);
  CHECK(patch.header("Allow").value_or("").find("DELETE") != std::string::npos);
}

TEST_CASE("what is over a limit is refused by the limit's own status, and nothing is changed") {
  TestNode node({.name = "a"});
  check_refusal(answer_to(node, with_head("GET /db/" + std::string(64u * 1024 + 1, 'k') + " HTTP/1.1")), 414);
  check_refusal(answer_to(node, with_head("GET /db/" + std::string(400u * 1024, 'k') + " HTTP/1.1")), 414);
  check_refusal(answer_to(node, with_head("GET / HTTP/1.1\r\nA: " + std::string(17u * 1024, 'x'))), 431);
  std::string fields;
  for (int i = 0; i < 101; ++i)
    fields += "\r\nA: b";
  check_refusal(answer_to(node, with_head("GET / HTTP/1.1" + fields)), 431);
  const std::string value(1024u * 1024 + 1, 'v');
  check_refusal(answer_to(node, node.http().format("PUT", "/db/key", value)), 413);
  check_refusal(answer_to(node, "PUT /db/key HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"),
                413);
  check_refusal(
      answer_to(node, "PUT /db/key HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n" + value), 413);
  CHECK(node.keys().empty());
}

TEST_CASE("another version of HTTP gets a 505") {
  TestNode node({.name = "a"});
  check_refusal(answer_to(node, with_head("GET / HTTP/9.9")), 505);
}

TEST_CASE("a transfer coding that we lack gets a 501") {
  TestNode node({.name = "a"});
  check_refusal(answer_to(node, "PUT /db/key HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
                501);
}

TEST_CASE("a body shorter than said writes nothing") {
  TestNode node({.name = "a"});
  HttpClient client = node.new_client();
  client.send_raw("PUT /db/key HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  client.finish_sending();
  check_refusal(client.read_response(), 400);
  CHECK(client.closed_by_server());
  CHECK(node.keys().empty());
}

TEST_CASE("a chunked body is put together") {
  TestNode node({.name = "a"});
  HttpClient client = node.new_client();
  client.send_raw("PUT /db/key HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char* piece : {"5\r\nhello\r\n", "1;extension=1\r\n \r\n", "5\r\nwor", "ld\r\n0\r\nTrailer: x\r\n\r\n"})
    client.send_raw(piece);
  CHECK(client.read_response().status == 200);
  CHECK(node.get("key") == "hello world");
  CHECK(client.get("/db/key").body == "hello world");
}

TEST_CASE("Expect: 100-continue is answered before the body, and refused there where the body is too large") {
  TestNode node({.name = "a"});
  HttpClient client = node.new_client();
  client.send_raw("PUT /db/key HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  CHECK(client.read_response(false, true).status == 100);
  client.send_raw("hello");
  CHECK(client.read_response().status == 200);
  CHECK(node.get("key") == "hello");

  HttpClient greedy = node.new_client();
  greedy.send_raw("PUT /db/key HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n");
  check_refusal(greedy.read_response(false, true), 413);
  CHECK(node.get("key") == "hello");
}

TEST_CASE("pipelined requests are answered in their order") {
  TestNode node({.name = "a"});
  std::vector<std::string> requests;
  for (int i = 0; i < 500; ++i) {
    requests.push_back(node.http().format("PUT", "/db/key", std::to_string(i)));
    requests.push_back(node.http().format("GET", "/db/key"));
  }
  const std::vector<Response> responses = node.http().pipeline(requests);
  for (std::size_t i = 0; i < 500; ++i) {
    REQUIRE(responses[2 * i].status == 200);
    REQUIRE(responses[2 * i + 1].body == std::to_string(i));
  }
}

TEST_CASE("a request that comes byte by byte is a request") {
  TestNode node({.name = "a"});
  HttpClient client = node.new_client();
  for (const char byte : client.format("PUT", "/db/a%20b", "value"))
    client.send_raw({&byte, 1});
  CHECK(client.read_response().status == 200);
  CHECK(node.get("a b") == "value");
}

TEST_CASE("HTTP/1.0 and Connection: close are closed after the answer, other connections stay open") {
  TestNode node({.name = "a"});
  for (const char* bytes : {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"}) {
    HttpClient client = node.new_client();
    client.send_raw(bytes);
    CHECK(client.read_response().status == 200);
    CHECK(client.closed_by_server());
  }
  HttpClient kept = node.new_client();
  CHECK(kept.get("/").status == 200);
  CHECK(kept.get("/nowhere").status == 404);
  CHECK(kept.get("/").status == 200);
}

TEST_CASE("a foreign web page can neither join nor leave") {
  TestNode node({.name = "a"});
  const Headers foreign{{"Origin", "http://elsewhere.example"}};
  const Headers cross{{"Sec-Fetch-Site", "cross-site"}};
  for (const Headers& headers : {foreign, cross}) {
    check_refusal(node.http().post("/dht/leave", "", headers), 403);
    check_refusal(node.http().post("/dht/join", node.peer(), headers), 403);
  }
}

TEST_CASE("clients that are stuck in the middle of a request keep nobody waiting") {
  TestNode node({.name = "a"});
  std::vector<HttpClient> stuck;
  for (const char* bytes :
       {"", "G", "GET / HTTP/1.1\r\nHost", "PUT /db/key HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf"})
    for (int i = 0; i < 50; ++i) {
      stuck.push_back(node.new_client());
      stuck.back().send_raw(bytes);
    }
  for (int i = 0; i < 100; ++i)
    CHECK(node.new_client(2s).get("/").status == 200);
  CHECK(node.keys().empty());
}

TEST_CASE("a request that does not arrive in time gets a 408, a connection without one is closed") {
  TestNode node({.name = "a", .arguments = {"--header-timeout", "0.2", "--idle-timeout", "0.4"}});
  HttpClient slow = node.new_client();
  slow.send_raw("GET / HTTP/1.1\r\nHo");
  check_refusal(slow.read_response(), 408);
  CHECK(slow.closed_by_server());
  HttpClient idle = node.new_client();
  CHECK(idle.get("/").status == 200);
  CHECK(idle.closed_by_server());
}

TEST_CASE("a client that reads no answers holds only its own connection") {
  TestNode node({.name = "a"});
  node.put("large", std::string(1024u * 1024, 'x'));
  HttpClient silent = node.new_client();
  for (int i = 0; i < 200; ++i)
    silent.send_raw(silent.format("GET", "/db/large"));
  for (int i = 0; i < 100; ++i)
    node.put("key", std::to_string(i));
  CHECK(node.get("key") == "99");
  if (timed_build()) CHECK(node.process().peak_memory_bytes() < 150u * 1024 * 1024);
}

}  // namespace
}  // namespace dht::integration
