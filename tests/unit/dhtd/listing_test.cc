// `GET /db`: streamed page by page, each key a line.
#include <string>

#include <doctest/doctest.h>

#include "support/server_double.h"

using namespace dhtd;
using namespace dhtd::testing;

namespace {

const std::string kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n";

/// What the chunks of a body hold, and whether the last one is there.
std::string join_chunks(std::string_view chunked, bool& complete) {
  std::string body;
  complete = false;
  while (!chunked.empty()) {
    const auto size = std::stoul(std::string(chunked.substr(0, chunked.find("\r\n"))), nullptr, 16);
    chunked.remove_prefix(chunked.find("\r\n") + 2);
    if (size == 0) {
      complete = chunked == "\r\n";
      return body;
    }
    body += chunked.substr(0, size);
    chunked.remove_prefix(size + 2);
  }
  return body;
}

}  // namespace

TEST_CASE("an empty listing, and one of a single page, have a length") {
  ServerDouble server;
  CHECK(server.exchange("GET /db HTTP/1.1\r\nHost: a\r\n\r\n") == kHead + "Content-Length: 0\r\n\r\n");
  server.admin.keys = {"only"};
  CHECK(server.exchange("GET /db HTTP/1.1\r\nHost: a\r\n\r\n") == kHead + "Content-Length: 6\r\n\r\nonly\r\n");
}

TEST_CASE("a longer listing comes in chunks, and the connection goes on") {
  ServerDouble server;
  server.admin.keys = {"a", "bb", "ccc"};
  CHECK(server.exchange("GET /db HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") ==
        kHead +
            "Transfer-Encoding: chunked\r\n\r\n3\r\na\r\n\r\n4\r\nbb\r\n\r\n5\r\nccc\r\n\r\n0\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK_FALSE(server.wire.session().finished());
}

TEST_CASE("an HTTP/1.0 client gets the listing until the connection ends") {
  ServerDouble server;
  server.admin.keys = {"a", "bb"};
  CHECK(server.exchange("GET /db HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") ==
        kHead + "Connection: close\r\n\r\na\r\nbb\r\n");
  CHECK(server.wire.session().finished());
}

TEST_CASE("HEAD of a listing has no body and asks for one page only") {
  ServerDouble server;
  server.admin.keys = {"a", "bb", "ccc"};
  const auto answer = server.exchange("HEAD /db HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(answer == kHead + "Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(server.admin.pages_asked == 1);
}

TEST_CASE("CR, LF and % of a key are escaped in the listing, nothing else") {
  ServerDouble server;
  server.admin.keys = {"a\r\nb%c d\xff"};
  CHECK(body_of(server.exchange("GET /db HTTP/1.1\r\nHost: a\r\n\r\n")) == "a%0D%0Ab%25c d\xff\r\n");
}

TEST_CASE("a slow reader makes the listing wait: it is never built in memory") {
  http::Limits limits;
  limits.max_output_bytes = 1000;
  ServerDouble server(limits);
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    server.admin.keys.push_back(std::string(90, 'x') + std::to_string(i));
    expected += server.admin.keys.back() + "\r\n";
  }
  server.wire.send("GET /db HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(server.admin.pages_asked < 15);
  CHECK(server.wire.session().output().size() < 1200);
  server.wire.receive(600);
  CHECK(server.admin.pages_asked < 20);
  CHECK(server.wire.session().output().size() < 1200);

  ServerDouble whole;
  whole.admin.keys = server.admin.keys;
  bool complete = false;
  CHECK(join_chunks(body_of(whole.exchange("GET /db HTTP/1.1\r\nHost: a\r\n\r\n")), complete) == expected);
  CHECK(complete);
}

TEST_CASE("pages that come later are sent when they come, and answers behind them wait") {
  ServerDouble server;
  server.admin.keys = {"a", "b", "c"};
  server.admin.hold_pages = true;
  CHECK(server.exchange("GET /db HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").empty());
  server.admin.release_page();
  CHECK(body_of(server.wire.receive()) == "3\r\na\r\n\r\n");
  server.admin.release_page();
  CHECK(server.wire.receive() == "3\r\nb\r\n\r\n");
  server.admin.release_page();
  CHECK(server.wire.receive() == "3\r\nc\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(server.admin.held_pages.empty());
}

TEST_CASE("a listing that fails at once is an error; one that fails later breaks the connection off") {
  ServerDouble server;
  server.admin.keys = {"a", "b", "c"};
  server.admin.fail_from = 0;
  CHECK(status_of(server.exchange("GET /db HTTP/1.1\r\nHost: a\r\n\r\n")) == "503");
  server.admin.fail_from = 2;
  const auto answer = server.exchange("GET /db HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(status_of(answer) == "200");
  CHECK_FALSE(contains(answer, "0\r\n\r\n"));  // never a 200 that is not true: it has no end
  CHECK(server.wire.session().broken());
}
