#include "base/ring.h"

#include <deque>
#include <memory>
#include <random>
#include <utility>

#include <doctest/doctest.h>

namespace dht::base {
namespace {

TEST_CASE("a ring is a queue, however it grows and shrinks") {
  Ring<std::unique_ptr<int>> ring;
  std::deque<int> model;
  std::mt19937_64 random(1);
  for (int step = 0; step < 20'000; ++step) {
    // Now rather full, now rather empty.
    const bool fills = (step / 500) % 2 == 0;
    if (random() % 10 < (fills ? 6u : 4u) || model.empty()) {
      ring.push_back(std::make_unique<int>(step));
      model.push_back(step);
    } else if (random() % 4 == 0) {
      ring.pop_back();
      model.pop_back();
    } else {
      CHECK(*ring.front() == model.front());
      ring.pop_front();
      model.pop_front();
    }
    REQUIRE(ring.size() == model.size());
    REQUIRE(ring.empty() == model.empty());
    if (model.empty()) continue;
    CHECK(*ring.front() == model.front());
    CHECK(*ring.back() == model.back());
    const std::size_t place = random() % model.size();
    CHECK(*ring[place] == model[place]);
  }
}

TEST_CASE("what is moved away leaves an empty ring") {
  Ring<std::unique_ptr<int>> ring;
  for (int i = 0; i < 5; ++i)
    ring.push_back(std::make_unique<int>(i));
  Ring<std::unique_ptr<int>> taken(std::move(ring));
  CHECK(taken.size() == 5);
  ring = {};
  CHECK(ring.empty());
  ring.push_back(std::make_unique<int>(7));
  taken = std::move(ring);
  REQUIRE(taken.size() == 1);
  CHECK(*taken.front() == 7);
  taken.clear();
  CHECK(taken.empty());
}

}  // namespace
}  // namespace dht::base
