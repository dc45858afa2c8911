// Desk: what the checks of storages share: partitions that are open, calls that complete now or later, and a model.
//
// Thread rule: one thread, but for `Answer`, which calls complete from any.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <dht/storage.h>
#include <dht/testing/storage_checks.h>

namespace dht::testing::checks {

/// Ends a check: the sentence is what it found.
struct Broken {
  std::string sentence{};
};

/// What must hold; `sentence` says what is wrong where it does not.
void require(bool holds, std::string_view sentence);
/// The same for two things that must be equal.
template <typename Left, typename Right>
void require_same(const Left& left, const Right& right, std::string_view sentence) {
  require(left == right, sentence);
}

using Model = std::map<std::string, StoredEntry>;

/// What one call gives, now or later, and whether it does so as the contract says.
template <typename Result>
class Answer {
 public:
  void given(Result result) {
    const std::lock_guard lock(mutex_);
    if (caller_ == std::this_thread::get_id()) wrong_ = "a call gave its result to `later` from inside itself";
    if (result_) wrong_ = "a call gave its result twice";
    result_ = std::move(result);
  }
  void begins() {
    const std::lock_guard lock(mutex_);
    caller_ = std::this_thread::get_id();
  }
  void returned(std::optional<Result> result) {
    const std::lock_guard lock(mutex_);
    caller_ = {};
    if (!result) return;
    if (result_) wrong_ = "a call that completed inline has called `later` as well";
    result_ = std::move(result);
    inline_ = true;
  }

  bool is_there() const {
    const std::lock_guard lock(mutex_);
    return result_.has_value();
  }
  bool was_inline() const {
    const std::lock_guard lock(mutex_);
    return inline_;
  }
  Result result() const {
    const std::lock_guard lock(mutex_);
    require(wrong_.empty(), wrong_);
    return *result_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Result> result_;
  std::string_view wrong_;
  std::thread::id caller_;
  bool inline_ = false;
};

/// Shared with the handler, which may be called after the check has ended.
template <typename Result>
using AnswerOf = std::shared_ptr<Answer<Result>>;

/// Makes a call, which is given its handler.
template <typename Result, typename Call>
AnswerOf<Result> start(Call call) {
  auto answer = std::make_shared<Answer<Result>>();
  answer->begins();
  std::optional<Result> result = call([answer](Result later) { answer->given(std::move(later)); });
  answer->returned(std::move(result));
  return answer;
}

StorageChange put_change(std::string_view key, std::string_view value, Version version, ClusterId copy_of = {});
StorageChange erase_change(std::string_view key);
void apply_to_model(Model& model, std::span<const StorageChange> changes);
StorageStatistics statistics_of_model(const Model& model);
StoredEntry entry_of(std::string_view value, Version version, ClusterId copy_of = {});
/// Key number `number`: always the same bytes, of all kinds and lengths up to 60.
std::string numbered_key(std::uint64_t number);

inline constexpr ClusterId kCluster{0x7465'7374'6564'0001U};

class Desk {
 public:
  explicit Desk(StorageSubject& subject) : subject_(subject) {}
  /// The partitions are closed before the storage.
  ~Desk() = default;

  Storage& storage() { return subject_.storage(); }
  StorageSubject& subject() { return subject_; }
  PartitionStorage& partition(PartitionId partition = 0, ClusterId cluster = kCluster);
  void close(PartitionId partition = 0, ClusterId cluster = kCluster) { open_.erase({cluster, partition}); }
  void reopen();
  /// A crash, and the start after it.
  void crash();

  template <typename Result>
  Result wait(const AnswerOf<Result>& answer) {
    require(subject_.run_until([&answer] { return answer->is_there(); }), "a call has not completed");
    return answer->result();
  }

  // Calls that are waited for. All but `try_apply` must succeed.
  std::error_code try_apply(PartitionStorage& partition, std::span<const StorageChange> changes,
                            std::string_view state = {});
  void apply(PartitionStorage& partition, std::span<const StorageChange> changes, std::string_view state = {});
  void put(PartitionStorage& partition, std::string_view key, std::string_view value, Version version = 1,
           ClusterId copy_of = {});
  void erase(PartitionStorage& partition, std::string_view key);
  std::optional<StoredEntry> get(PartitionStorage& partition, std::string_view key);
  std::optional<StoredEntry> get_version(PartitionStorage& partition, std::string_view key);
  ScanChunk scan(PartitionStorage& partition, ScanCursor from, std::size_t max_bytes);
  void drop(PartitionStorage& partition);
  void sync(PartitionStorage& partition, SyncFor purpose = SyncFor::role);
  void remember(std::string_view name, std::string_view record);

  /// All entries, by a scan in chunks; entries that come twice must be the same.
  Model contents(PartitionStorage& partition, std::size_t max_bytes = 4096);
  /// That reads, scans and statistics show the model.
  void require_shows(PartitionStorage& partition, const Model& model);

 private:
  StorageSubject& subject_;
  std::map<StoredPartition, std::unique_ptr<PartitionStorage>> open_;
};

// Calls that are not waited for.
AnswerOf<StorageWritten> start_apply(PartitionStorage& partition, std::span<const StorageChange> changes,
                                     std::string_view state = {});
AnswerOf<StorageWritten> start_sync(PartitionStorage& partition, SyncFor purpose = SyncFor::role);
AnswerOf<StorageWritten> start_drop(PartitionStorage& partition);
AnswerOf<StorageRead> start_get(PartitionStorage& partition, std::string_view key);
AnswerOf<StorageScanned> start_scan(PartitionStorage& partition, ScanCursor from, std::size_t max_bytes);
AnswerOf<StorageWritten> start_remember(Storage& storage, std::string_view name, std::string_view record);

/// Runs the body of a check, and gives what it found.
template <void (*Body)(Desk&)>
std::optional<std::string> run_body(StorageSubject& subject) {
  try {
    Desk desk(subject);
    Body(desk);
    return std::nullopt;
  } catch (const Broken& broken) {
    return broken.sentence;
  }
}

// The checks, by what they are about.
std::span<const StorageCheck> entry_checks();
std::span<const StorageCheck> scan_checks();
std::span<const StorageCheck> partition_checks();
std::span<const StorageCheck> call_checks();
std::span<const StorageCheck> durable_checks();
std::span<const StorageCheck> crash_checks();

}  // namespace dht::testing::checks
