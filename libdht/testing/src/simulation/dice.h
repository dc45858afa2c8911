// Dice: random choices from a seed, the same on every machine.
//
// Thread rule: one object, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include <dht/scheduler.h>

namespace dht::testing::simulation {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  std::uint64_t roll() { return random_(); }
  /// Less than `limit`, which is not zero.
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
  /// From `least` to `most`.
  std::size_t between(std::size_t least, std::size_t most) { return least + below(most - least + 1); }
  bool percent(unsigned chance) { return random_() % 100 < chance; }

  Duration between(Duration least, Duration most) {
    const auto steps = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + Duration(static_cast<Duration::rep>(random_() % steps));
  }
  /// Short ones as often as long ones: first an octave is drawn, then a place in it.
  Duration any_scale(Duration least, Duration most) {
    std::size_t octaves = 0;
    for (Duration top = least; top * 2 <= most; top *= 2)
      ++octaves;
    const Duration bottom = least * (std::int64_t{1} << below(octaves + 1));
    return between(bottom, std::min(bottom * 2, most));
  }
  /// One of them, which are not none.
  template <typename T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace dht::testing::simulation
