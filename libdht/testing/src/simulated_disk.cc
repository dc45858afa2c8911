#include <map>
#include <random>
#include <set>
#include <utility>

#include <dht/testing/simulated_disk.h>

#include "base/assert.h"
#include "disk_partition.h"
#include "late_calls.h"

namespace dht::testing {

struct SimulatedDisk::Contents {
  /// Those that were remembered one after the other; the first is there for good.
  struct Record {
    std::vector<std::optional<std::string>> versions{std::nullopt};
    std::uint64_t first = 0;  ///< counts those that are gone
  };

  explicit Contents(std::uint64_t seed) : random(seed) {}

  std::uint64_t draw(std::uint64_t most) { return random() % (most + 1); }
  Partition& at(const StoredPartition& name) {
    auto& place = partitions[name];
    if (!place) place = std::make_unique<Partition>(name.cluster);
    return *place;
  }
  /// All that was done so far stays.
  void settle() {
    for (auto& [name, partition] : partitions)
      partition->sync(partition->position());
    std::erase_if(partitions, [](const auto& item) { return item.second->is_empty(); });
    for (auto& [name, record] : records)
      record = {.versions = {std::move(record.versions.back())}};
  }

  std::mt19937_64 random;
  std::map<StoredPartition, std::unique_ptr<Partition>> partitions;
  std::map<std::string, Record, std::less<>> records;
  std::uint64_t use = 0;  ///< counts the storages that were opened; only the last may do anything
};

/// The storage of one process.
class SimulatedDisk::Opened final : public Storage {
 public:
  Opened(std::shared_ptr<Contents> contents, Scheduler& scheduler, const DiskTimes& times)
      : contents_(std::move(contents)), scheduler_(scheduler), times_(times), use_(contents_->use) {
    for (const auto& [name, partition] : contents_->partitions)
      stored_.push_back(name);
  }
  ~Opened() override { DHT_ASSERT(open_.empty()); }

  std::unique_ptr<PartitionStorage> open(ClusterId cluster, PartitionId partition) override;
  bool is_durable() const noexcept override { return true; }
  std::vector<StoredPartition> stored() const override { return stored_; }

  std::optional<StorageWritten> remember(std::string_view name, std::string_view record,
                                         StorageWriteHandler later) override {
    if (!is_in_use()) return std::nullopt;
    Contents::Record& kept = contents_->records[std::string(name)];
    kept.versions.emplace_back(record);
    const std::uint64_t position = kept.first + kept.versions.size() - 1;
    return after_sync([this, name = std::string(name), position] { settle_record(name, position); }, std::move(later));
  }
  std::optional<std::string> recall(std::string_view name) const override {
    const auto found = contents_->records.find(name);
    return found == contents_->records.end() ? std::nullopt : found->second.versions.front();
  }

  bool is_in_use() const noexcept { return contents_->use == use_; }
  Contents& contents() noexcept { return *contents_; }
  std::set<StoredPartition>& open_ones() noexcept { return open_; }
  const DiskTimes& times() const noexcept { return times_; }
  Scheduler& scheduler() noexcept { return scheduler_; }
  /// Calls `later` with `result` when the call's time has passed, unless the disk is not this storage's any more.
  template <typename Result>
  std::optional<Result> after(Duration time, Function<Result()> result, Function<void(Result)> later,
                              LateCalls& calls) {
    if (!is_in_use()) return std::nullopt;
    if (time == Duration{0}) return result();
    calls.answer_after(time, [this, result = std::move(result), later = std::move(later)]() mutable {
      if (is_in_use()) later(result());
    });
    return std::nullopt;
  }

 private:
  std::optional<StorageWritten> after_sync(Function<void()> effect, StorageWriteHandler later) {
    Function<StorageWritten()> result = [effect = std::move(effect)]() mutable {
      effect();
      return StorageWritten{};
    };
    return after(calls_.draw(times_.sync_min, times_.sync_max), std::move(result), std::move(later), calls_);
  }
  void settle_record(const std::string& name, std::uint64_t position) {
    Contents::Record& kept = contents_->records[name];
    for (; kept.first < position; ++kept.first)
      kept.versions.erase(kept.versions.begin());
  }

  std::shared_ptr<Contents> contents_;
  Scheduler& scheduler_;
  const DiskTimes times_;
  const std::uint64_t use_;
  std::vector<StoredPartition> stored_;
  std::set<StoredPartition> open_;
  LateCalls calls_{scheduler_};
};

/// A call takes effect when it is made; only its answer comes later.
class SimulatedDisk::OpenedPartition final : public PartitionStorage {
 public:
  OpenedPartition(Opened& owner, const StoredPartition& name) : owner_(owner), name_(name), calls_(owner.scheduler()) {
    const bool is_new = owner_.open_ones().insert(name_).second;
    DHT_ASSERT(is_new);
  }
  ~OpenedPartition() override { owner_.open_ones().erase(name_); }

  std::optional<StorageRead> get(std::string_view key, StorageReadHandler later) override {
    return answer<StorageRead>({.entry = content().get(key)}, std::move(later));
  }
  std::optional<StorageWritten> apply(std::span<const StorageChange> changes, std::string_view state,
                                      StorageWriteHandler later) override {
    if (!owner_.is_in_use()) return std::nullopt;
    const StorageWritten written = content().apply(changes, state);
    return written.error ? written : answer<StorageWritten>(written, std::move(later));
  }
  std::optional<StorageWritten> sync(SyncFor purpose, StorageWriteHandler later) override {
    if (purpose == SyncFor::answer && !owner_.times().syncs_answers) return StorageWritten{};
    Function<StorageWritten()> settle = [this, position = content().position()] {
      content().sync(position);
      return StorageWritten{};
    };
    const Duration time = calls_.draw(owner_.times().sync_min, owner_.times().sync_max);
    return owner_.after(time, std::move(settle), std::move(later), calls_);
  }
  std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later) override {
    return answer<StorageScanned>({.chunk = content().scan(from, max_bytes)}, std::move(later));
  }
  std::optional<StorageWritten> drop(StorageWriteHandler later) override {
    if (!owner_.is_in_use()) return std::nullopt;
    return answer<StorageWritten>(content().drop(), std::move(later));
  }
  StorageStatistics statistics() const override { return content().statistics(); }
  bool is_durable() const noexcept override { return true; }
  std::string state() const override { return content().state(); }
  std::uint64_t scan_order() const noexcept override { return 0x6469736bU; }

 private:
  Partition& content() const { return owner_.contents().at(name_); }
  template <typename Result>
  std::optional<Result> answer(Result result, Function<void(Result)> later) {
    const Duration time = calls_.draw(owner_.times().call_min, owner_.times().call_max);
    Function<Result()> given = [result = std::move(result)]() mutable { return std::move(result); };
    return owner_.after(time, std::move(given), std::move(later), calls_);
  }

  Opened& owner_;
  const StoredPartition name_;
  LateCalls calls_;
};

std::unique_ptr<PartitionStorage> SimulatedDisk::Opened::open(ClusterId cluster, PartitionId partition) {
  return std::make_unique<OpenedPartition>(*this, StoredPartition{cluster, partition});
}

SimulatedDisk::SimulatedDisk(std::uint64_t seed) : contents_(std::make_shared<Contents>(seed)) {}
SimulatedDisk::~SimulatedDisk() = default;

std::unique_ptr<Storage> SimulatedDisk::open(Scheduler& scheduler, const DiskTimes& times) {
  contents_->settle();
  ++contents_->use;
  return std::make_unique<Opened>(contents_, scheduler, times);
}

void SimulatedDisk::crash() {
  ++contents_->use;
  for (auto& [name, partition] : contents_->partitions)
    partition->undo(contents_->draw(partition->unsynced()));
  for (auto& [name, record] : contents_->records)
    record.versions.resize(1 + contents_->draw(record.versions.size() - 1));
  contents_->settle();
}

void SimulatedDisk::wipe() {
  contents_->partitions.clear();
  contents_->records.clear();
}

std::map<std::pair<ClusterId, PartitionId>, SimulatedDisk::Entries> SimulatedDisk::entries() const {
  std::map<std::pair<ClusterId, PartitionId>, Entries> all;
  for (const auto& [name, partition] : contents_->partitions)
    all.emplace(std::pair(name.cluster, name.partition), partition->by_key());
  return all;
}

bool SimulatedDisk::is_empty() const { return contents_->partitions.empty() && contents_->records.empty(); }

}  // namespace dht::testing
