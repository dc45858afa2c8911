#include "node/own_parts.h"

#include <stdexcept>

#include <doctest/doctest.h>

namespace dht::node {
namespace {

TEST_CASE("a listening address may leave the port to the system") {
  CHECK(parse_listen_address("localhost:0") == Address{"localhost", 0});
  CHECK(parse_listen_address("localhost:9876") == Address{"localhost", 9876});
  CHECK(parse_listen_address("[::1]:0") == Address{"::1", 0});
  for (const char* text : {"", "localhost", ":0", "localhost:", "localhost:70000", "a b:0"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_listen_address(text), std::invalid_argument);
  }
}

TEST_CASE("an address that stands for all of them is known as such") {
  CHECK(is_wildcard({"0.0.0.0", 1}));
  CHECK(is_wildcard({"::", 1}));
  CHECK_FALSE(is_wildcard({"127.0.0.1", 1}));
}

TEST_CASE("what is given is taken, what is missing is made") {
  const auto storage = make_memory_storage();
  NodeOptions options;
  options.listen = "localhost:0";
  const NodeParts given{.storage = storage.get()};
  const OwnParts own(options, given);
  const NodeParts parts = own.parts(given);
  CHECK(parts.storage == storage.get());
  CHECK(parts.scheduler != nullptr);
  CHECK(parts.transport != nullptr);
  CHECK(parts.partitioner != nullptr);
  CHECK(own.advertised(options).port != 0);
  options.advertise = "example.org:1234";
  CHECK(own.advertised(options) == Address{"example.org", 1234});
}

TEST_CASE("options that make no sense are refused with a sentence") {
  CHECK_THROWS_AS(OwnParts({.listen = "nonsense"}, {}), std::invalid_argument);
  CHECK_THROWS_AS(OwnParts({.listen = "localhost:0", .threads = 0}, {}), std::invalid_argument);
  CHECK_THROWS_AS(Node({.name = "a,b", .listen = "localhost:0"}), std::invalid_argument);
  CHECK_THROWS_AS(Node({.listen = "localhost:0", .partitions = 1000}), std::invalid_argument);
  CHECK_THROWS_AS(Node({.listen = "localhost:0", .replicas = 0}), std::invalid_argument);
  CHECK_THROWS_AS(Node({.listen = "localhost:0", .replicas = 8}), std::invalid_argument);
}

}  // namespace
}  // namespace dht::node
