#include "node/storage_drops.h"

#include "base/assert.h"

namespace dht::node {

void StorageDrops::announce(ClusterId cluster, PartitionId partition) {
  std::lock_guard lock(mutex_);
  const bool is_new = under_way_.try_emplace({cluster, partition}).second;
  DHT_ASSERT(is_new);
}

void StorageDrops::drop(ClusterId cluster, PartitionId partition) {
  const Name name{cluster, partition};
  std::unique_ptr<PartitionStorage> opened = storage_.open(cluster, partition);
  PartitionStorage& storage = *opened;
  {
    std::lock_guard lock(mutex_);
    under_way_.at(name) = std::move(opened);
  }
  // Posted, since a storage cannot be closed from inside its own completion.
  const auto dropped = storage.drop([this, name](StorageWritten) { strand_.post([this, name] { end(name); }); });
  if (dropped) end(name);
}

bool StorageDrops::is_under_way(ClusterId cluster, PartitionId partition) const {
  std::lock_guard lock(mutex_);
  return under_way_.contains({cluster, partition});
}

void StorageDrops::end(const Name& name) {
  // Closed while the name is still there, and without the lock: closing may wait for a completion under way.
  std::unique_ptr<PartitionStorage> closing;
  {
    std::lock_guard lock(mutex_);
    closing = std::move(under_way_.at(name));
  }
  closing.reset();
  std::lock_guard lock(mutex_);
  under_way_.erase(name);
}

}  // namespace dht::node
