#include <optional>
#include <span>
#include <string_view>

#include <dht/testing/late_storage.h>

#include "base/assert.h"
#include "late_calls.h"

namespace dht::testing {

/// A call takes effect when it is made; only its answer comes later.
class LateStorage::Partition final : public PartitionStorage {
 public:
  Partition(LateStorage& owner, const Name& name)
      : owner_(owner), name_(name), calls_(owner.scheduler_), entries_(owner.memory_->open(name.first, name.second)) {
    const bool is_new = owner_.open_.insert(name_).second;
    DHT_ASSERT(is_new);
  }
  ~Partition() override { owner_.open_.erase(name_); }

  std::optional<StorageRead> get(std::string_view key, StorageReadHandler later) override {
    return answer_later(*entries_->get(key, nullptr), std::move(later));
  }
  std::optional<StorageWritten> apply(std::span<const StorageChange> changes, std::string_view state,
                                      StorageWriteHandler later) override {
    return answer_later(*entries_->apply(changes, state, nullptr), std::move(later));
  }
  std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later) override {
    return answer_later(*entries_->scan(from, max_bytes, nullptr), std::move(later));
  }
  std::optional<StorageWritten> drop(StorageWriteHandler later) override {
    return answer_later(*entries_->drop(nullptr), std::move(later));
  }
  StorageStatistics statistics() const override { return entries_->statistics(); }

 private:
  template <typename Result>
  std::optional<Result> answer_later(Result result, Function<void(Result)> later) {
    calls_.answer_after(calls_.draw(owner_.least_, owner_.most_),
                        [result = std::move(result), later = std::move(later)]() mutable { later(std::move(result)); });
    return std::nullopt;
  }

  LateStorage& owner_;
  const Name name_;
  LateCalls calls_;
  std::unique_ptr<PartitionStorage> entries_;
};

LateStorage::LateStorage(Scheduler& scheduler, Duration least, Duration most)
    : scheduler_(scheduler), least_(least), most_(most), memory_(make_memory_storage(scheduler.random())) {
  DHT_ASSERT(Duration{0} <= least_ && least_ <= most_);
}

LateStorage::~LateStorage() { DHT_ASSERT(open_.empty()); }

std::unique_ptr<PartitionStorage> LateStorage::open(ClusterId cluster, PartitionId partition) {
  return std::make_unique<Partition>(*this, Name{cluster, partition});
}

}  // namespace dht::testing
