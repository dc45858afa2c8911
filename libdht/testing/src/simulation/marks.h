// Marks: which entries of the nodes' own storages bear the mark "copy of a cluster". A joiner whose join has failed
// marks what the cluster has acknowledged, and must not bring that again; whatever else it had sent it must. No client
// sees which is which, so it is looked up where the marks are written.
//
// Thread rule: that of the timeline.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include <dht/testing/cluster.h>

namespace dht::testing::simulation {

class Marks {
 public:
  /// Wraps the storage of a new process. The result goes between the node and its parts, as ProcessHook has it.
  std::shared_ptr<void> watch(const NewProcess& process);
  bool is_marked(std::size_t place, const std::string& key, Version version, ClusterId copy_of) const;

 private:
  class WatchedStorage;
  class WatchedPartition;

  struct Mark {
    Version version = 0;
    ClusterId copy_of{};
  };
  using Marked = std::map<std::string, Mark, std::less<>>;

  std::map<std::size_t, Marked> marked_;  ///< by place, those of the process of today
};

}  // namespace dht::testing::simulation
