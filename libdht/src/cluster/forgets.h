// Forgets: the members that an operator gives up (design: "The last copy of a partition is never removed from the map
// ... until an operator accepts the loss"). Only one that is down can be forgotten. What it held alone begins again
// with nothing at other members, and it is removed from the map.
//
// Thread rule: none of their own; use one object from one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "cluster/map_change.h"
#include "cluster/scene.h"
#include "cluster/spread.h"

namespace dht::cluster {

class Forgets {
 public:
  /// `caller` wants the member called `name` to be forgotten; its call waits already and may be answered at once.
  /// `wall_ms`: the caller's wall clock.
  void ask(NodeId caller, std::string_view name, std::uint64_t wall_ms, const Scene& scene);

  /// Gives what the forgotten held to active members outside of `shunned`, those that hold least first, and removes
  /// them from the map; once they have no vote any more.
  void carry_out(const Scene& scene, const std::set<NodeId>& shunned, MapChange& change);
  void answer(const Scene& scene, const Spread& spread);

 private:
  struct Forget {
    NodeId node{};
    std::string name{};
    std::uint64_t wall_ms = 0;
    std::optional<Revision> removed_at{};  ///< the revision that is without it
  };

  std::map<NodeId, Forget> forgets_;  ///< by caller
};

}  // namespace dht::cluster
