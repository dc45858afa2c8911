// Session: when a connection is not read, so that what it makes the server hold stays bounded.
#include <string>

#include <doctest/doctest.h>

#include "support/server_double.h"

using namespace dhtd;
using namespace dhtd::testing;

TEST_CASE("a connection with too many requests under way is not read until answers go out") {
  http::Limits limits;
  limits.max_in_flight = 3;
  HeldDouble server(limits);
  for (int i = 0; i < 10; ++i)
    server.wire.send(get(i));
  CHECK(server.table.gets.size() == 3);
  CHECK_FALSE(server.wire.session().wants_input());
  CHECK(server.wire.unread() > 0);
  server.table.answer(1, "b");
  server.wire.receive();
  CHECK(server.table.gets.size() == 3);  // the first still blocks the line
  server.table.answer(0, "a");
  server.wire.receive();
  CHECK(server.table.gets.size() == 5);
}

TEST_CASE("a reader that takes nothing stops being served: output is bounded") {
  http::Limits limits;
  limits.max_output_bytes = 10'000;
  ServerDouble server(limits);
  server.table.put("1", std::string(5000, 'x'));
  for (int i = 0; i < 1000; ++i)
    server.wire.send(get(1));
  CHECK(server.wire.session().output().size() < 16'000);
  CHECK_FALSE(server.wire.session().wants_input());
  CHECK(server.wire.session().phase() == http::Session::Phase::writing);
  const auto all = server.wire.receive();
  CHECK(all.size() > 5'000'000);
  CHECK(server.wire.unread() == 0);
}

TEST_CASE("answers that wait for their turn count as output that waits") {
  http::Limits limits;
  limits.max_value_bytes = 10'000;
  limits.max_output_bytes = 10'000;
  HeldDouble server(limits);
  for (int i = 0; i < 3; ++i)
    server.wire.send(get(i));
  server.table.answer(1, std::string(6000, 'x'));
  CHECK(server.wire.session().wants_input());
  server.table.answer(2, std::string(6000, 'x'));
  CHECK_FALSE(server.wire.session().wants_input());
  server.table.answer(0, "first");
  CHECK_FALSE(server.wire.session().wants_input());  // now they wait for the client
  server.wire.receive();
  CHECK(server.wire.session().wants_input());
}

TEST_CASE("a client that reads nothing makes the server hold some MiB at most, however late its answers come") {
  HeldDouble server;
  const std::string large(1024 * 1024, 'x');
  const auto answer_all = [&](std::string_view value) {
    for (std::size_t i = 0; i < server.table.gets.size(); ++i)
      if (server.table.gets[i].handler) server.table.answer(i, value);
  };
  const auto ask = [&](int requests) {
    for (int i = 0; i < requests; ++i)
      server.wire.send(get(i));
  };
  SUBCASE("on a new connection") { ask(128); }
  SUBCASE("where small answers alternate with large ones") {
    for (int i = 0; i < 20; ++i) {
      ask(1);
      answer_all(i % 10 == 0 ? large : "small");
      server.wire.receive();
    }
    ask(128);
  }
  answer_all(large);
  CHECK(server.wire.session().output().size() > 1024 * 1024);
  CHECK(server.wire.session().output().size() < 32u * 1024 * 1024);
  while (server.wire.session().in_flight() != 0 || server.wire.unread() != 0) {
    server.wire.receive();
    answer_all(large);
  }
}

TEST_CASE("a pipeline of small answers is as deep as allowed, once the connection has shown them") {
  HeldDouble server;
  for (int i = 0; i < 30; ++i) {
    server.wire.send(get(i));
    server.table.answer(server.table.gets.size() - 1, "small");
    server.wire.receive();
  }
  for (int i = 0; i < 128; ++i)
    server.wire.send(get(i));
  CHECK(server.wire.session().in_flight() == 128);
  CHECK(server.wire.unread() == 0);
}

TEST_CASE("values over all that may be expected are still served, one at a time") {
  http::Limits limits;
  limits.max_expected_bytes = 1000;
  HeldDouble server(limits);
  server.wire.send(get(1) + get(2));
  REQUIRE(server.table.gets.size() == 1);
  server.table.answer(0, std::string(2000, 'x'));
  server.wire.receive();
  CHECK(server.table.gets.size() == 2);
}
