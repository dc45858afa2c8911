// Tried: the situations from which a search has gone on before. One is not worth going on from if another, with the
// same required steps placed and the same state, had at least as many optional ones left.
//
// Thread rule: one object, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "key_model.h"

namespace dht::testing::history {

/// A set of steps, a bit each.
using Steps = std::vector<std::uint64_t>;
inline constexpr std::size_t kBitsPerWord = 64;

class Tried {
 public:
  /// Whether this situation is worth trying; if so it counts as tried. `spent`: the optional steps that are placed, or
  /// too late.
  bool add(Steps required, EntryNumber state, const Steps& spent);

 private:
  struct Hash {
    std::size_t operator()(const Steps& steps) const noexcept;
  };

  std::unordered_map<Steps, std::vector<Steps>, Hash> spent_;  ///< by required steps and state
};

}  // namespace dht::testing::history
