// Losses: what is lost for good, since an operator gave a node up. A partition that the map says was begun again with
// nothing in it has lost all its entries at a moment between the operator's word and the first sight of that map.
//
// Thread rule: that of the timeline.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <dht/cluster_map.h>

#include "desk.h"

namespace dht::testing::simulation {

class Losses {
 public:
  explicit Losses(Desk& desk) : desk_(desk) {}

  /// An operator gives up whoever bears that name and is down: perhaps several processes that followed each other.
  void give_up(std::string_view name);
  /// The newest map of the home cluster. Writes the losses into the histories of `keys`, and possible ones into those
  /// of keys that a joining node is bringing.
  void follow(const ClusterMapPtr& map, const std::set<std::string>& keys, const std::set<std::string>& arriving);

 private:
  void lose(const std::string& key, Instant since, bool is_certain);
  void allow_merges(const std::string& key, Instant since, bool is_arriving);

  Desk& desk_;
  ClusterMapPtr map_;
  std::map<NodeId, Instant> given_up_;                    ///< when that was said first
  std::map<std::string, std::set<std::size_t>> repeats_;  ///< by key: where its history says what a loss allowed
};

}  // namespace dht::testing::simulation
