#include <algorithm>
#include <span>
#include <string>

#include <dht/testing/faulty_storage.h>

#include "base/assert.h"
#include "faulty_lane.h"

namespace dht::testing {
namespace {

/// A batch that outlives the call that gave it.
class OwnedBatch {
 public:
  OwnedBatch(std::span<const StorageChange> changes, std::string_view state) : state_(state) {
    for (const StorageChange& change : changes)
      changes_.push_back({change, std::string(change.key), std::string(change.value)});
  }
  std::optional<StorageWritten> apply_to(PartitionStorage& partition, StorageWriteHandler later) const {
    std::vector<StorageChange> changes;
    for (const Owned& owned : changes_) {
      changes.push_back(owned.change);
      changes.back().key = owned.key;
      changes.back().value = owned.value;
    }
    return partition.apply(changes, state_, std::move(later));
  }

 private:
  struct Owned {
    StorageChange change{};
    std::string key{};
    std::string value{};
  };
  std::vector<Owned> changes_;
  std::string state_;
};

}  // namespace

bool FaultyStorage::Lane::must_wait(Call kind) const {
  if (owner_.kinds_[index_of(kind)].is_held) return true;
  return writes(kind) && std::ranges::any_of(held_, [](const Held& held) { return writes(held.kind); });
}

void FaultyStorage::Lane::release() {
  std::deque<Held> waiting = std::exchange(held_, {});
  for (Held& held : waiting) {
    if (must_wait(held.kind)) {
      held_.push_back(std::move(held));
    } else {
      held.make();
    }
  }
}

void FaultyStorage::Lane::fail_held(std::error_code error) {
  std::deque<Held> waiting = std::exchange(held_, {});
  for (Held& held : waiting)
    held.fail(error);
}

class FaultyStorage::Partition final : public PartitionStorage {
 public:
  Partition(FaultyStorage& owner, std::unique_ptr<PartitionStorage> below) : below_(std::move(below)), lane_(owner) {}

  std::optional<StorageRead> get(std::string_view key, StorageReadHandler later) override {
    return lane_.pass<StorageRead>(
        Call::get, std::move(later), [&](StorageReadHandler then) { return below_->get(key, std::move(then)); },
        [&] {
          return [this, key = std::string(key)](StorageReadHandler then) { return below_->get(key, std::move(then)); };
        });
  }
  std::optional<StorageRead> get_version(std::string_view key, StorageReadHandler later) override {
    return lane_.pass<StorageRead>(
        Call::get, std::move(later), [&](StorageReadHandler then) { return below_->get_version(key, std::move(then)); },
        [&] {
          return [this, key = std::string(key)](StorageReadHandler then) {
            return below_->get_version(key, std::move(then));
          };
        });
  }
  std::optional<StorageWritten> apply(std::span<const StorageChange> changes, std::string_view state,
                                      StorageWriteHandler later) override {
    return lane_.pass<StorageWritten>(
        Call::apply, std::move(later),
        [&](StorageWriteHandler then) { return below_->apply(changes, state, std::move(then)); },
        [&] {
          return [this, batch = OwnedBatch(changes, state)](StorageWriteHandler then) {
            return batch.apply_to(*below_, std::move(then));
          };
        });
  }
  std::optional<StorageWritten> sync(SyncFor purpose, StorageWriteHandler later) override {
    const auto make = [this, purpose](StorageWriteHandler then) { return below_->sync(purpose, std::move(then)); };
    return lane_.pass<StorageWritten>(Call::sync, std::move(later), make, [&] { return make; });
  }
  std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later) override {
    const auto make = [this, from, max_bytes](StorageScanHandler then) {
      return below_->scan(from, max_bytes, std::move(then));
    };
    return lane_.pass<StorageScanned>(Call::scan, std::move(later), make, [&] { return make; });
  }
  std::optional<StorageWritten> drop(StorageWriteHandler later) override {
    const auto make = [this](StorageWriteHandler then) { return below_->drop(std::move(then)); };
    return lane_.pass<StorageWritten>(Call::drop, std::move(later), make, [&] { return make; });
  }
  StorageStatistics statistics() const override { return below_->statistics(); }
  bool is_durable() const noexcept override { return below_->is_durable(); }
  std::string state() const override { return below_->state(); }
  std::uint64_t scan_order() const noexcept override { return below_->scan_order(); }
  void expect(ExpectedKey& expected, unsigned step) const noexcept override { below_->expect(expected, step); }

 private:
  std::unique_ptr<PartitionStorage> below_;
  Lane lane_;
};

FaultyStorage::FaultyStorage(Scheduler& scheduler, std::unique_ptr<Storage> below)
    : scheduler_(scheduler), below_(std::move(below)), records_(std::make_unique<Lane>(*this)) {}

FaultyStorage::~FaultyStorage() { DHT_ASSERT(lanes_.size() == 1); }

void FaultyStorage::fail_inline(Call kind, std::error_code error, std::size_t nth) {
  order(kind, How::at_once, error, nth);
}

void FaultyStorage::fail_later(Call kind, std::error_code error, std::size_t nth) {
  order(kind, How::later, error, nth);
}

void FaultyStorage::fail_after_writing(Call kind, std::error_code error, std::size_t nth) {
  order(kind, How::after_writing, error, nth);
}

void FaultyStorage::order(Call kind, How how, std::error_code error, std::size_t nth) {
  DHT_ASSERT(nth > 0 && error);
  Kind& ordered = kinds_[index_of(kind)];
  ordered.faults.push_back({how, error, ordered.calls + nth});
}

std::optional<FaultyStorage::Fault> FaultyStorage::next(Call kind) {
  Kind& called = kinds_[index_of(kind)];
  const std::size_t number = ++called.calls;
  const auto found = std::ranges::find(called.faults, number, &Fault::at);
  if (found == called.faults.end()) return std::nullopt;
  const Fault fault = *found;
  called.faults.erase(found);
  return fault;
}

void FaultyStorage::fail_all(std::error_code error, std::string sentence) {
  if (failed_) return;
  failed_ = error;
  sentence_ = std::move(sentence);
  for (Lane* lane : lanes_)
    lane->fail_held(error);
  telling_ = scheduler_.call_later(Duration{0}, [this] {
    if (Function<void(std::string)> handler = std::exchange(handler_, nullptr)) handler(sentence_);
  });
}

void FaultyStorage::hold(Call kind) { kinds_[index_of(kind)].is_held = true; }

void FaultyStorage::release(Call kind) {
  kinds_[index_of(kind)].is_held = false;
  for (Lane* lane : lanes_)
    lane->release();
}

std::size_t FaultyStorage::held() const {
  std::size_t all = 0;
  for (const Lane* lane : lanes_)
    all += lane->held();
  return all;
}

std::unique_ptr<PartitionStorage> FaultyStorage::open(ClusterId cluster, PartitionId partition) {
  return std::make_unique<Partition>(*this, below_->open(cluster, partition));
}

std::optional<StorageWritten> FaultyStorage::remember(std::string_view name, std::string_view record,
                                                      StorageWriteHandler later) {
  return records_->pass<StorageWritten>(
      Call::remember, std::move(later),
      [&](StorageWriteHandler then) { return below_->remember(name, record, std::move(then)); },
      [&] {
        return [this, name = std::string(name), record = std::string(record)](StorageWriteHandler then) {
          return below_->remember(name, record, std::move(then));
        };
      });
}

void FaultyStorage::on_failure(Function<void(std::string)> handler) {
  handler_ = std::move(handler);
  // Once its time has come it is not waited for.
  if (failed_ && handler_) std::exchange(handler_, nullptr)(sentence_);
}

}  // namespace dht::testing
