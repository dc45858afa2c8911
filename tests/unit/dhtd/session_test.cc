// Session: order, pipelining, keep-alive, and the same answers however the bytes are split.
#include <algorithm>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/server_double.h"

using namespace dhtd;
using namespace dhtd::testing;

namespace {

const std::string kManyRequests =
    "PUT /db/a%20b HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nIf-None-Match: *\r\n\r\nhello world"
    "GET /db/a%20b HTTP/1.1\r\nHost: x\r\nX-Other: y\r\n\r\n"
    "POST /db/chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5;ext=1\r\nfirst\r\n1\r\n,\r\n6\r\nsecond\r\n0\r\nIf-None-Match: *\r\nTrailer: t\r\n\r\n"
    "\r\nHEAD /db/chunked HTTP/1.1\r\nHost: a\r\n\r\n"
    "GET http://host/db/chunked?query HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"5\",\r\nIf-None-Match: \"6\"\r\n\r\n"
    "OPTIONS /db/x HTTP/1.1\r\nHost: a\r\n\r\n"
    "DELETE /db/a%20b HTTP/1.1\r\nHost: a\r\n\r\n"
    "GET /db/a%20b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Answers everything at once, and writes down what it is told.
class Recorder final : public http::RequestHandler {
 public:
  void handle(const http::Request& request, http::Responder responder) override {
    events.push_back("handle " + std::string(request.path));
    responder.send({});
  }
  void expect(std::span<const http::Request> requests) override {
    largest = std::max(largest, requests.size());
    std::string event = "expect ";
    for (const http::Request& request : requests)
      event += std::string(request.path) + " ";
    events.push_back(event);
  }

  std::vector<std::string> events;
  std::size_t largest = 0;
};

}  // namespace

TEST_CASE("many requests of one read are answered together, in order") {
  ServerDouble server;
  const auto answer = server.exchange(kManyRequests);
  CHECK(contains(answer, "\r\n\r\nhello world"));
  CHECK(contains(answer, "first,second"));
  CHECK(server.wire.session().finished());
}

TEST_CASE("the answers do not depend on how the bytes are split") {
  ServerDouble whole;
  const auto expected = whole.exchange(kManyRequests);

  SUBCASE("at every byte") {
    for (std::size_t at = 0; at <= kManyRequests.size(); ++at) {
      ServerDouble server;
      auto answer = server.exchange(kManyRequests.substr(0, at));
      answer += server.exchange(kManyRequests.substr(at));
      REQUIRE(answer == expected);
    }
  }
  SUBCASE("byte by byte") {
    ServerDouble server;
    server.wire.send_byte_by_byte(kManyRequests);
    CHECK(server.wire.receive() == expected);
  }
  SUBCASE("at random places") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      std::mt19937_64 random(seed);
      ServerDouble server;
      std::string answer;
      for (std::size_t at = 0; at < kManyRequests.size();) {
        const auto size = std::min<std::size_t>(1 + random() % 60, kManyRequests.size() - at);
        const std::string part = kManyRequests.substr(at, size);
        server.wire.send(part);
        if (random() % 2 == 0) answer += server.wire.receive();
        at += size;
      }
      REQUIRE(answer + server.wire.receive() == expected);
    }
  }
}

TEST_CASE("the handler is told of requests that came together, before the first of them") {
  Recorder recorder;
  Wire wire(recorder);
  const auto says = [&](std::string_view bytes) {
    recorder.events.clear();
    wire.exchange(bytes);
    return recorder.events;
  };
  using Events = std::vector<std::string>;
  // A new connection begins with few at a time: its answers could be large.
  while (wire.session().in_flight() == 0 &&
         says(get(1) + get(2) + get(3) + get(4)).front() != "expect /db/1 /db/2 /db/3 /db/4 ") {
  }
  SUBCASE("a request that comes alone is not announced") { CHECK(says(get(1)) == Events{"handle /db/1"}); }
  SUBCASE("half of one behind it does not count") {
    CHECK(says(get(1) + "GET /db/2 HT") == Events{"handle /db/1"});
    CHECK(says("TP/1.1\r\nHost: a\r\n\r\n") == Events{"handle /db/2"});
  }
  SUBCASE("what is in pieces is handled before the next is parsed") {
    CHECK(says("GET /db/1 HT") == Events{});
    CHECK(says("TP/1.1\r\nHost: a\r\n\r\n" + get(2) + get(3)) ==
          Events{"handle /db/1", "expect /db/2 /db/3 ", "handle /db/2", "handle /db/3"});
  }
  SUBCASE("nothing is announced behind an end") {
    CHECK(says(get(1) + get(2, "Connection: close\r\n") + get(3)) ==
          Events{"expect /db/1 /db/2 ", "handle /db/1", "handle /db/2"});
  }
  SUBCASE("what goes before a malformed request is handled") {
    CHECK(says(get(1) + get(2) + "nonsense\r\n\r\n") == Events{"expect /db/1 /db/2 ", "handle /db/1", "handle /db/2"});
  }
  SUBCASE("many are taken some at a time") {
    std::string many;
    for (std::size_t i = 0; i < 2 * http::kMostTogether + 2; ++i)
      many += get(static_cast<int>(i));
    says(many);
    CHECK(recorder.largest == http::kMostTogether);
    CHECK(std::count_if(recorder.events.begin(), recorder.events.end(),
                        [](const std::string& event) { return event.starts_with("handle"); }) == 66);
  }
}

TEST_CASE("requests of several connections are handled together, and each gets its own answer") {
  Recorder recorder;
  const auto batch = std::make_shared<http::Batch>(recorder);
  Wire first(batch);
  Wire second(batch);
  const std::string one = get(1);
  const std::string other = get(2);
  REQUIRE(first.take(one) == one.size());
  REQUIRE(second.take(other) == other.size());
  CHECK(recorder.events.empty());
  batch->handle();
  CHECK(recorder.events == std::vector<std::string>{"expect /db/1 /db/2 ", "handle /db/1", "handle /db/2"});
  CHECK(status_of(first.receive()) == "200");
  CHECK(status_of(second.receive()) == "200");
  CHECK(first.session().in_flight() + second.session().in_flight() == 0);
}

TEST_CASE("answers go out in the order of the requests, however the table finishes") {
  http::Limits limits;
  limits.max_value_bytes = 1000;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    std::mt19937_64 random(seed);
    HeldDouble server(limits);
    std::string expected;
    for (int i = 0; i < 20; ++i) {
      server.wire.send(get(i));
      expected += "value " + std::to_string(i) + ";";
    }
    REQUIRE(server.table.gets.size() == 20);
    std::vector<std::size_t> order(20);
    for (std::size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    std::string received;
    for (const auto index : order) {
      server.table.answer(index, "value " + std::to_string(index) + ";");
      received += server.wire.receive();
    }
    std::string bodies;
    for (auto at = received.find("value "); at != std::string::npos; at = received.find("value ", at + 1)) {
      bodies += received.substr(at, received.find(';', at) - at + 1);
    }
    REQUIRE(bodies == expected);
    REQUIRE(server.wire.session().in_flight() == 0);
  }
}

TEST_CASE("keep-alive: HTTP/1.1 goes on, close ends; HTTP/1.0 ends, keep-alive goes on") {
  const auto ends = [](std::string_view request, std::string_view connection) {
    ServerDouble server;
    const auto answer = server.exchange(request);
    CHECK(status_of(answer) == "200");
    CHECK(field_of(answer, "Connection") == connection);
    return server.wire.session().finished();
  };
  CHECK_FALSE(ends("GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""));
  CHECK(ends("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "close"));
  CHECK(ends("GET / HTTP/1.0\r\n\r\n", "close"));
  CHECK_FALSE(ends("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive"));
}

TEST_CASE("what follows a request that closes is not carried out") {
  ServerDouble server;
  server.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nPUT /db/smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(server.table.size() == 0);
}

TEST_CASE("only a client that said so, and sent no more, has ended with its last request") {
  const auto has_ended = [](std::string_view bytes) {
    ServerDouble server;
    server.exchange(bytes);
    REQUIRE(server.wire.session().finished());
    return server.wire.session().client_has_ended();
  };
  const std::string last = "GET /db/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  CHECK(has_ended(last));
  CHECK(has_ended("GET /db/x HTTP/1.0\r\n\r\n"));
  CHECK_FALSE(has_ended(last + get(1)));
  CHECK_FALSE(has_ended("nonsense\r\n\r\n"));
  CHECK_FALSE(has_ended("GET /db/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9999999\r\n\r\n"));
  CHECK_FALSE(has_ended("BREW /db/x HTTP/1.1\r\nHost: a\r\n\r\n"));
}

TEST_CASE("a client that waits for 100 Continue gets it, after the answers before, and never in vain") {
  const std::string head = "PUT /db/k HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  SUBCASE("it waits") {
    ServerDouble server;
    CHECK(server.exchange(head) == "HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(status_of(server.exchange("abc")) == "200");
  }
  SUBCASE("the body is there already") {
    ServerDouble server;
    CHECK(status_of(server.exchange(head + "abc")) == "200");
  }
  SUBCASE("earlier answers come first") {
    HeldDouble server;
    server.wire.send(get(1) + head);
    CHECK(server.wire.receive().empty());
    server.table.answer(0, "one");
    const auto received = server.wire.receive();
    CHECK(status_of(received) == "200");
    CHECK(received.ends_with("oneHTTP/1.1 100 Continue\r\n\r\n"));
  }
  SUBCASE("a body that will be refused is not asked for") {
    ServerDouble server;
    const auto answer =
        server.exchange("PUT /db/k HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1048577\r\n\r\n");
    CHECK(status_of(answer) == "413");
    CHECK(contains(answer, "--data-binary"));
    CHECK(server.wire.session().finished());
  }
  SUBCASE("HTTP/1.0 knows no expectations") {
    ServerDouble server;
    CHECK(server.exchange("PUT /db/k HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n").empty());
    CHECK(status_of(server.exchange("abc")) == "200");
  }
}

TEST_CASE("input that ends in the middle of a request is an error; requests under way are still answered") {
  HeldDouble server;
  server.wire.send(get(1) + "PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nshort");
  server.wire.end_of_input();
  CHECK_FALSE(server.wire.session().finished());
  server.table.answer(0, "one");
  const auto received = server.wire.receive();
  CHECK(contains(received, "\r\n\r\noneHTTP/1.1 400 Bad Request"));
  CHECK(contains(received, "ended before the request was complete"));
  CHECK(server.wire.session().finished());
  CHECK(server.table.writes.empty());
}

TEST_CASE("a client that only closed its sending side gets its answers") {
  HeldDouble server;
  server.wire.send(get(1));
  server.wire.end_of_input();
  CHECK_FALSE(server.wire.session().finished());
  server.table.answer(0, "one");
  CHECK(body_of(server.wire.receive()) == "one");
  CHECK(server.wire.session().finished());
}

TEST_CASE("a session that ends lets requests that have begun have their answers, the first of a new client, too") {
  ServerDouble server;
  auto& session = server.wire.session();
  SUBCASE("idle") {
    server.exchange(get(1));
    session.finish();
    CHECK(session.finished());
  }
  SUBCASE("in the middle of a request") {
    server.exchange(get(1) + "PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
    session.finish();
    CHECK_FALSE(session.finished());
    const auto answer = server.exchange("bc" + get(1));
    CHECK(status_of(answer) == "200");
    CHECK(field_of(answer, "Connection") == "close");
    CHECK(contains(server.table.get("k")->value.view(), "abc"));
    CHECK(session.finished());
  }
  SUBCASE("new") {
    session.finish();
    CHECK_FALSE(session.finished());
    CHECK(field_of(server.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "Connection") == "close");
    CHECK(session.finished());
  }
}

TEST_CASE("where the end is announced the next answer says that it is the last") {
  HeldDouble server;
  server.wire.send(get(1));
  server.wire.session().announce_end();
  CHECK_FALSE(server.wire.session().finished());
  server.wire.send(get(2) + get(3));
  server.table.answer(0, "one");
  CHECK(field_of(server.wire.receive(), "Connection").empty());
  server.table.answer(1, "two");
  CHECK(field_of(server.wire.receive(), "Connection") == "close");
  CHECK(server.table.gets.size() == 2);
  CHECK(server.wire.session().finished());
}

TEST_CASE("a request whose handler is dropped is answered with 503") {
  HeldDouble server;
  server.wire.send(get(1));
  server.table.gets.clear();
  CHECK(status_of(server.wire.receive()) == "503");
}

TEST_CASE("a request that is too slow gets 408 and the end") {
  ServerDouble server;
  server.wire.send("GET /db/slow HT");
  CHECK(server.wire.session().phase() == http::Session::Phase::head);
  server.wire.session().time_out();
  const auto answer = server.wire.receive();
  CHECK(status_of(answer) == "408");
  CHECK(field_of(answer, "Connection") == "close");
  CHECK(server.wire.session().finished());
}

TEST_CASE("the phase tells what a connection waits for") {
  using Phase = http::Session::Phase;
  HeldDouble server;
  auto& session = server.wire.session();
  CHECK(session.phase() == Phase::idle);
  server.wire.send("PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-");
  CHECK(session.phase() == Phase::head);
  server.wire.send("Length: 3\r\n\r\na");
  CHECK(session.phase() == Phase::body);
  server.wire.send("bc");
  CHECK(session.phase() == Phase::answering);
  server.table.writes.at(0).handler({}, {5, false});
  CHECK(session.phase() == Phase::writing);
  server.wire.receive();
  CHECK(session.phase() == Phase::idle);
}

TEST_CASE("a peer's upgrade waits for the answers before it and leaves the bytes behind it alone") {
  HeldDouble server;
  server.wire.send(get(1));
  server.wire.send("GET /dht/peer HTTP/1.1\r\nHost: dht\r\nConnection: Upgrade\r\nUpgrade: dht/1\r\n\r\nframes");
  CHECK_FALSE(server.wire.session().upgraded());
  CHECK(server.wire.unread() == 6);
  server.table.answer(0, "one");
  CHECK(body_of(server.wire.receive()) == "one");
  CHECK(server.wire.session().upgraded());
  CHECK(server.wire.unread() == 6);
}

TEST_CASE("other upgrades are passed over: the request is answered as it is") {
  ServerDouble server;
  const auto answer = server.exchange(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n"
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(answer == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const auto peer = server.exchange("GET /dht/peer HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(status_of(peer) == "426");
  CHECK(field_of(peer, "Upgrade") == "dht/1");
}
