// StorageDrops: drops the entries of partitions that this node holds no longer, and remembers which are still being
// dropped: a storage must not be open twice at once, so such a partition cannot come here again before that has ended.
//
// Thread rule: `drop` on the strand, the others from any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include <dht/scheduler.h>
#include <dht/storage.h>

namespace dht::node {

class StorageDrops {
 public:
  StorageDrops(Storage& storage, Scheduler& strand) : storage_(storage), strand_(strand) {}
  StorageDrops(const StorageDrops&) = delete;
  StorageDrops& operator=(const StorageDrops&) = delete;

  /// From now on the partition is not to be opened; `drop` follows, once what is open of it has been closed.
  void announce(ClusterId cluster, PartitionId partition);
  /// Opens the partition for the last time and drops what is in it.
  void drop(ClusterId cluster, PartitionId partition);
  /// Whether it is announced, or being dropped.
  bool is_under_way(ClusterId cluster, PartitionId partition) const;

 private:
  using Name = std::pair<ClusterId, PartitionId>;
  void end(const Name& name);

  Storage& storage_;
  Scheduler& strand_;
  mutable std::mutex mutex_;
  std::map<Name, std::unique_ptr<PartitionStorage>> under_way_;  ///< null where it is announced
};

}  // namespace dht::node
