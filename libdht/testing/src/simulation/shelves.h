// Shelves: what the nodes' own storages hold, looked up where it is written. No client sees the mark "copy of a
// cluster" of an entry, nor what a backup has.
//
// Thread rule: that of the timeline.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <dht/storage.h>
#include <dht/testing/cluster.h>

namespace dht::testing::simulation {

class Shelves {
 public:
  using Shelf = SimulatedDisk::Entries;

  /// Wraps the storage of a new process. The result goes between the node and its parts, as ProcessHook has it.
  std::shared_ptr<void> watch(const NewProcess& process);

  /// A joiner whose join has failed marks what the cluster has acknowledged, and must not bring that again; whatever
  /// else it had sent it must.
  bool is_marked(std::size_t place, const std::string& key, Version version, ClusterId copy_of) const;
  /// The entry that the place has of its own under that key, outside of `home`; none where it is a copy of that.
  std::optional<StoredEntry> own_entry(std::size_t place, ClusterId home, const std::string& key) const;
  /// What the process of today there has of a partition, or will have once its storage is done.
  const Shelf& of(std::size_t place, ClusterId cluster, PartitionId partition) const;

 private:
  class WatchedStorage;
  class WatchedPartition;
  using Room = std::map<std::pair<ClusterId, PartitionId>, Shelf>;

  std::map<std::size_t, Room> rooms_;  ///< by place
  const Shelf empty_{};
};

}  // namespace dht::testing::simulation
