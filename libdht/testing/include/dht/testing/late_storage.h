// LateStorage: entries in memory, as `make_memory_storage` keeps them, but every call completes a while after it was
// made, as on a disk or over a network, and not always in the order of the calls.
//
// Opening a partition that is open already ends the test's process.
//
// Thread rule: one thread only, that of the scheduler.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <utility>

#include <dht/scheduler.h>
#include <dht/storage.h>

namespace dht::testing {

class LateStorage final : public Storage {
 public:
  /// Each call takes `delay` or up to twice that.
  LateStorage(Scheduler& scheduler, Duration delay) : LateStorage(scheduler, delay, 2 * delay) {}
  /// Each call takes between `least` and `most`. Only where these are far apart does a call that was made much later
  /// overtake one.
  LateStorage(Scheduler& scheduler, Duration least, Duration most);
  ~LateStorage() override;

  std::unique_ptr<PartitionStorage> open(ClusterId cluster, PartitionId partition) override;
  std::uint64_t memory_bytes() const noexcept override { return memory_->memory_bytes(); }

 private:
  class Partition;
  using Name = std::pair<ClusterId, PartitionId>;

  Scheduler& scheduler_;
  const Duration least_;
  const Duration most_;
  std::unique_ptr<Storage> memory_;
  std::set<Name> open_;
};

}  // namespace dht::testing
