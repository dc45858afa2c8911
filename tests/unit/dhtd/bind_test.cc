// What a host and a port are bound to.
#include "http/bind.h"

#include <system_error>

#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <doctest/doctest.h>

using namespace dhtd;

TEST_CASE("a port that somebody has is refused, whoever it is") {
  asio::io_context loop;
  asio::io_context other_loop;
  const auto bound = http::bind_all("127.0.0.1", 0, {&loop, &other_loop});
  CHECK(bound.acceptors.size() == 2);
  CHECK(bound.acceptors[1].size() == 1);
  CHECK_THROWS_WITH_AS((void)http::bind_all("127.0.0.1", bound.port, {&loop}),
                       doctest::Contains("cannot listen on 127.0.0.1:"), std::system_error);
  CHECK_THROWS_AS((void)http::bind_all("0.0.0.0", bound.port, {&loop}), std::system_error);
}

TEST_CASE("a wildcard is known by what it is bound to, however it is written") {
  asio::io_context loop;
  for (const char* host : {"0.0.0.0", "00.0.0.0", "0"}) {
    CAPTURE(host);
    CHECK(http::bind_all(host, 0, {&loop}).has_wildcard());
  }
  CHECK_FALSE(http::bind_all("127.0.0.1", 0, {&loop}).has_wildcard());
  http::Bound v6;
  v6.endpoints = {{asio::ip::make_address("127.0.0.1"), 1}, {asio::ip::make_address("::0"), 1}};
  CHECK(v6.has_wildcard());
}

TEST_CASE("every address of a host gets the same port; a host that does not resolve is an error") {
  asio::io_context loop;
  const auto bound = http::bind_all("localhost", 0, {&loop});
  REQUIRE_FALSE(bound.endpoints.empty());
  for (const auto& endpoint : bound.endpoints) {
    CHECK(endpoint.port() == bound.port);
    CHECK(endpoint.address().is_loopback());
  }
  CHECK_THROWS_WITH_AS((void)http::bind_all("no.such.host.invalid", 0, {&loop}), doctest::Contains("no.such.host"),
                       std::system_error);
}
