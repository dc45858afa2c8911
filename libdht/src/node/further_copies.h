// FurtherCopies: entries that are marked as copies of one cluster, and that another cluster has got as well from a join
// which failed then. An entry's own mark names one cluster only; without this the second one would take the place of
// the first, and a later join to that would bring back what has been deleted there.
//
// Kept in memory, as long as the session of the table that the entries are in.
//
// Thread rule: on the strand.
#pragma once

#include <map>
#include <string>

#include <dht/types.h>

namespace dht::node {

class FurtherCopies {
 public:
  void add(ClusterId cluster, const std::string& key, Version version) { copies_[cluster][key] = version; }
  /// Whether the entry of that version is one; what has been written since is none.
  bool contains(ClusterId cluster, const std::string& key, Version version) const {
    const auto keys = copies_.find(cluster);
    if (keys == copies_.end()) return false;
    const auto found = keys->second.find(key);
    return found != keys->second.end() && found->second == version;
  }

 private:
  std::map<ClusterId, std::map<std::string, Version>> copies_;
};

}  // namespace dht::node
