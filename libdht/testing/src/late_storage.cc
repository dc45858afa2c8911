#include <map>
#include <optional>
#include <span>
#include <string_view>

#include <dht/testing/late_storage.h>

#include "base/assert.h"

namespace dht::testing {

/// A call takes effect when it is made; only its answer comes later.
class LateStorage::Partition final : public PartitionStorage {
 public:
  Partition(LateStorage& owner, const Name& name)
      : owner_(owner), name_(name), entries_(owner.memory_->open(name.first, name.second)) {
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
    Scheduler& scheduler = owner_.scheduler_;
    const auto limit = static_cast<std::uint64_t>((owner_.most_ - owner_.least_).count()) + 1;
    const Duration extra(static_cast<Duration::rep>(scheduler.random() % limit));
    const std::uint64_t call = ++last_call_;
    under_way_[call] = scheduler.call_later(
        owner_.least_ + extra, [this, call, result = std::move(result), later = std::move(later)]() mutable {
          const auto timer = under_way_.extract(call);
          later(std::move(result));
        });
    return std::nullopt;
  }

  LateStorage& owner_;
  const Name name_;
  std::unique_ptr<PartitionStorage> entries_;
  std::uint64_t last_call_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Scheduler::Timer>> under_way_;
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
