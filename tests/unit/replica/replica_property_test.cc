// Random lives of one partition on two nodes (design.md 7): linearizable per key, copies equal when quiet, every
// handler called once, through hand-overs and lost primaries. And that the checks see what they are for.
#include <cstdint>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "world.h"

namespace dht::replica::testing {
namespace {

constexpr std::uint64_t kSeeds = 600;

/// Whether some seed shows the bug, by a sentence that ends so.
bool is_seen(Bug bug, std::string_view sentence) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    if (World(seed, bug).run().ends_with(sentence)) return true;
  }
  return false;
}

std::vector<Version> versions(std::size_t values) { return std::vector<Version>(values + 1, 1); }

}  // namespace

TEST_CASE("a partition is linearizable, and its copies agree, whatever happens to disks, links and primaries") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    CHECK(World(seed).run() == "");
  }
}

TEST_CASE("a read past a pending write is seen") { CHECK(is_seen(Bug::read_past_pending, "is not linearizable")); }
TEST_CASE("a chunk that overtakes a write is seen") {
  CHECK(is_seen(Bug::chunk_overtaken, "the copies differ when everything is quiet"));
}
TEST_CASE("a merge applied twice is seen") { CHECK(is_seen(Bug::merge_numbered_again, "is not linearizable")); }

TEST_CASE("the linearizability check tells right from wrong") {
  using Kind = Operation::Kind;
  const auto holds = [](const std::vector<Operation>& history) {
    return LinearizabilityCheck(history, versions(3)).holds();
  };
  const Operation put{.kind = Kind::put, .called = 1, .returned = 4, .value = 1};
  CHECK(holds({put, {.kind = Kind::get, .called = 2, .returned = 3, .found = 0}}));
  CHECK(holds({put, {.kind = Kind::get, .called = 2, .returned = 3, .found = 1}}));
  CHECK_FALSE(holds({put, {.kind = Kind::get, .called = 5, .returned = 6, .found = 0}}));
  SUBCASE("an operation without an answer may have taken effect, but what was seen stays seen") {
    const Operation unknown{.kind = Kind::put, .called = 5, .value = 2};
    const Operation sees{.kind = Kind::get, .called = 6, .returned = 7, .found = 2};
    const Operation unsees{.kind = Kind::get, .called = 8, .returned = 9, .found = 1};
    CHECK(holds({put, unknown, sees}));
    CHECK(holds({put, unknown, unsees}));
    CHECK_FALSE(holds({put, unknown, sees, unsees}));
  }
}

}  // namespace dht::replica::testing
