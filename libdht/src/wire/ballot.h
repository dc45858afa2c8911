// Ballot: names one round of agreement on the next cluster map. Rounds are ordered by their ballots.
//
// Thread rule: a plain value.
#pragma once

#include <compare>
#include <cstdint>

#include <dht/types.h>

namespace dht::wire {

/// Used for one round only: the node that makes it raises the counter each time, and a boot nonce keeps rounds that it
/// made before a restart apart from later ones. The default is below all others and names no round.
struct Ballot {
  std::uint64_t counter = 0;
  NodeId node{};
  std::uint64_t boot = 0;

  explicit operator bool() const noexcept { return counter != 0; }
  auto operator<=>(const Ballot&) const = default;
};

}  // namespace dht::wire
