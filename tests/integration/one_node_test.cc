// The base contract of the HTTP interface, row by row, on one process that
// stands alone.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/print.h"
#include "support/test_node.h"

namespace dht::integration {
namespace {

using Strings = std::vector<std::string>;

TEST_CASE("GET / is an empty 200 while the process lives") {
  TestNode node({.name = "a"});
  const Response response = node.http().get("/");
  CHECK(response.status == 200);
  CHECK(response.body.empty());
}

TEST_CASE("a key that does not exist is an empty 200 without an ETag") {
  TestNode node({.name = "a"});
  const Response response = node.http().get("/db/nothing");
  CHECK(response.status == 200);
  CHECK(response.body.empty());
  CHECK_FALSE(response.header("ETag"));
}

TEST_CASE("PUT and POST write, GET reads, each overwrites, DELETE removes") {
  TestNode node({.name = "a"});
  CHECK(node.http().put("/db/key", "first").status == 200);
  CHECK(node.get("key") == "first");
  CHECK(node.http().post("/db/key", "second").status == 200);
  CHECK(node.get("key") == "second");
  CHECK(node.http().del("/db/key").status == 200);
  CHECK(node.get("key") == "");
  CHECK(node.http().del("/db/key").status == 200);
}

TEST_CASE("a value comes back as bytes that no browser guesses about") {
  TestNode node({.name = "a"});
  node.put("key", "<script>");
  const Response response = node.http().get("/db/key");
  CHECK(response.header("Content-Type") == "application/octet-stream");
  CHECK(response.header("X-Content-Type-Options") == "nosniff");
  CHECK(response.header("ETag"));
}

TEST_CASE("each write gives a new ETag, which the next read shows") {
  TestNode node({.name = "a"});
  const auto first = node.http().put("/db/key", "same").header("ETag");
  const auto second = node.http().put("/db/key", "same").header("ETag");
  CHECK(first);
  CHECK(second);
  CHECK(first != second);
  CHECK(node.http().get("/db/key").header("ETag") == second);
}

TEST_CASE("a body with a form's content type, as curl -d sends it, is taken as it is") {
  TestNode node({.name = "a"});
  const Headers form{{"Content-Type", "application/x-www-form-urlencoded"}};
  CHECK(node.http().post("/db/key", "a=1&b=%20+", form).status == 200);
  CHECK(node.get("key") == "a=1&b=%20+");
}

TEST_CASE("values of all bytes, of none and of the largest size come back unchanged") {
  TestNode node({.name = "a"});
  std::string bytes;
  for (int i = 0; i < 256; ++i)
    bytes += static_cast<char>(i);
  for (const std::string& value : {bytes, std::string(), std::string(1024u * 1024, '\0')}) {
    node.put("key", value);
    const Response response = node.http().get("/db/key");
    CHECK((response.body == value));
    CHECK(response.header("ETag"));
  }
}

TEST_CASE("keys of all bytes and of the largest size name one entry each") {
  TestNode node({.name = "a"});
  Entries entries{
      {"with/slashes/in it", "1"}, {"/", "2"}, {"..", "3"}, {"a?b#c", "4"}, {std::string(64u * 1024, 'k'), "5"}};
  for (int i = 0; i < 256; ++i)
    entries[std::string("byte ") + static_cast<char>(i)] = std::to_string(i);
  put_all(node, entries);
  CHECK(difference(node, entries) == "");
}

TEST_CASE("the key ends at the question mark, a plus is a plus, an escape is its byte") {
  TestNode node({.name = "a"});
  CHECK(node.http().put("/db/a+b%2Bc?ignored=1", "x").status == 200);
  CHECK(node.get("a+b+c") == "x");
  CHECK(node.http().get("/db/a%2bb+c?other").body == "x");
}

TEST_CASE("a target in absolute form is taken") {
  TestNode node({.name = "a"});
  CHECK(node.http().put("http://somewhere.example:80/db/key", "x").status == 200);
  CHECK(node.get("key") == "x");
}

TEST_CASE("a PUT without a length writes an empty value") {
  TestNode node({.name = "a"});
  node.http().send_raw("PUT /db/key HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(node.http().read_response().status == 200);
  const Response response = node.http().get("/db/key");
  CHECK(response.body.empty());
  CHECK(response.header("ETag"));
}

TEST_CASE("HEAD answers as GET does, without the body") {
  TestNode node({.name = "a"});
  node.put("key", "five!");
  const Response response = node.http().head("/db/key");
  CHECK(response.status == 200);
  CHECK(response.header("Content-Length") == "5");
  CHECK(response.header("ETag") == node.http().get("/db/key").header("ETag"));
}

TEST_CASE("GET /db lists every key on a line of its own, with CR, LF and percent escaped") {
  TestNode node({.name = "a"});
  for (const char* key : {"plain", "with/slash", "two\r\nlines", "100%"})
    node.put(key, "x");
  const Response response = node.http().get("/db");
  CHECK(response.status == 200);
  CHECK(response.header("Content-Type") == "text/plain; charset=utf-8");
  CHECK(node.keys() == Strings{"100%25", "plain", "two%0D%0Alines", "with/slash"});
}

TEST_CASE("a listing of many keys names each once") {
  TestNode node({.name = "a"});
  const Entries entries = make_entries("key", 20000);
  put_all(node, entries);
  const Strings listed = node.keys();
  REQUIRE(listed.size() == entries.size());
  CHECK(std::ranges::equal(listed, entries, {}, {}, &Entries::value_type::first));
}

TEST_CASE("a node that stands alone lists itself") {
  TestNode node({.name = "a"});
  const Response response = node.http().get("/dht/peers");
  CHECK(response.body == "a\r\n");
  CHECK(response.header("Content-Type") == "text/plain; charset=utf-8");
}

TEST_CASE("a node without a name is named after its address") {
  TestNode node({.name = ""});
  CHECK(node.peers() == Strings{to_string(node.endpoint())});
}

TEST_CASE("to leave and to join itself is nothing to do, and a success") {
  TestNode node({.name = "a"});
  node.put("key", "value");
  CHECK(node.http().get("/dht/leave").status == 200);
  CHECK(node.http().post("/dht/leave").status == 200);
  CHECK(node.http().post("/dht/join", node.peer()).status == 200);
  CHECK(node.http().put("/dht/join", to_string(node.endpoint()) + "\r\n").status == 200);
  CHECK(node.peers() == Strings{"a"});
  CHECK(node.get("key") == "value");
}

TEST_CASE("conditions on the version hold or answer 412 and 304") {
  TestNode node({.name = "a"});
  HttpClient& http = node.http();
  CHECK(http.put("/db/key", "1", {{"If-Match", "*"}}).status == 412);
  const Response created = http.put("/db/key", "1", {{"If-None-Match", "*"}});
  CHECK(created.status == 200);
  const std::string version = created.header("ETag").value_or("none");
  CHECK(http.put("/db/key", "2", {{"If-None-Match", "*"}}).status == 412);
  CHECK(http.get("/db/key", {{"If-None-Match", version}}).status == 304);
  CHECK(http.put("/db/key", "2", {{"If-Match", version}}).status == 200);
  CHECK(http.put("/db/key", "3", {{"If-Match", version}}).status == 412);
  CHECK(http.del("/db/key", {{"If-Match", version}}).status == 412);
  CHECK(http.get("/db/key", {{"If-None-Match", version}}).body == "2");
}

TEST_CASE("the status page names the node, its members and its partitions") {
  TestNode node({.name = "a", .arguments = {"--partitions", "64"}});
  node.put("key", "value");
  // What a member holds is told with its heartbeats, so it shows a moment later.
  Response response;
  CHECK(eventually([&] {
    response = node.http().get("/dht/status");
    return response.body.find("\"entries\":1") != std::string::npos;
  }));
  REQUIRE(response.status == 200);
  CHECK(response.header("Content-Type").value_or("").starts_with("application/json"));
  const auto status = nlohmann::json::parse(response.body);
  CHECK(status.at("name") == "a");
  CHECK(status.at("address") == to_string(node.endpoint()));
  CHECK(status.at("leader") == "a");
  CHECK(status.at("voters") == nlohmann::json::array({"a"}));
  CHECK(status.at("ready") == true);
  CHECK(status.at("partitions").at("total") == 64);
  CHECK(status.at("partitions").at("healthy") == 64);
  CHECK(status.at("operations").empty());
  const auto& member = status.at("members").at(0);
  CHECK(member.at("id") == status.at("id"));
  CHECK(member.at("state") == "active");
  CHECK(member.at("primary") == 64);
  CHECK(member.at("entries") == 1);
}

}  // namespace
}  // namespace dht::integration
