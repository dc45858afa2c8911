#include "base/id_map.h"

#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include <doctest/doctest.h>

namespace dht::base {
namespace {

TEST_CASE("a map from numbers holds what was put and not erased since") {
  for (const std::uint64_t spread : {std::uint64_t{1}, std::uint64_t{1} << 32, ~std::uint64_t{0} / 300}) {
    IdMap<int, 64> map;
    std::map<std::uint64_t, int> model;
    std::mt19937_64 random(spread);
    for (int step = 0; step < 30'000; ++step) {
      const std::uint64_t id = (random() % 300 + 1) * spread;
      const bool fills = (step / 1000) % 2 == 0;
      if (random() % 10 < (fills ? 6u : 2u)) {
        map[id] = step;
        model[id] = step;
      } else {
        CHECK(map.erase(id) == (model.erase(id) == 1));
      }
      REQUIRE(map.size() == model.size());
      const std::uint64_t asked = (random() % 300 + 1) * spread;
      const int* found = map.find(asked);
      const auto expected = model.find(asked);
      REQUIRE((found != nullptr) == (expected != model.end()));
      if (found != nullptr) CHECK(*found == expected->second);
    }
    std::map<std::uint64_t, int> visited;
    map.for_each([&](std::uint64_t id, int value) { visited.emplace(id, value); });
    CHECK(visited == model);
    map.clear();
    CHECK(map.empty());
    CHECK(map.find(spread) == nullptr);
  }
}

}  // namespace
}  // namespace dht::base
