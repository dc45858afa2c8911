#include "simulation/desk.h"

#include <string>

#include <doctest/doctest.h>

namespace dht::testing::simulation {
namespace {

TEST_CASE("a long value is known by its head, as long as its length is right") {
  const std::string value = padded("v7", 1000);
  CHECK(value.size() == 1007);
  CHECK(head_of(value) == "v7+1000");
  CHECK(head_of(value.substr(0, 900)) == "v7+1000 of 893 bytes");
  CHECK(head_of("v7+1000") == "v7+1000 of 0 bytes");
}

TEST_CASE("a short value is what it is") {
  CHECK(padded("c1/2", 0) == "c1/2");
  CHECK(head_of("c1/2") == "c1/2");
  CHECK(head_of("") == "");
}

}  // namespace
}  // namespace dht::testing::simulation
