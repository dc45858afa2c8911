// MapWriter: the bytes of calls that carry the same map to many nodes. The map is written once, not once for each: a
// large one takes milliseconds.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <string>

#include <dht/cluster_map.h>

#include "wire/control.h"

namespace dht::cluster {

class MapWriter {
 public:
  /// As `wire::encode` does, but that the map's field comes last.
  std::string encode(wire::Call call);
  /// Lets go of the map that was written last.
  void forget();

 private:
  ClusterMapPtr map_;
  std::string field_;  ///< what `map_` is in a call
};

}  // namespace dht::cluster
