// StorageCalls: the replica's storage, called in such a way that a completion that comes later continues the replica's
// work as a step of its own.
//
//   if (auto read = calls.get(key)) { ...goes on at once... }
//   else calls.await<StorageRead>([...](StorageRead read, Effects& effects) { ...goes on in a later step... });
//
// Where a call gave nothing, `await` must follow in the same step: the completion waits for the owner's lock, so it
// cannot overtake. A call that completes inline allocates nothing here.
//
// Thread rule: part of the replica's monitor; completions may come from any thread and re-enter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include <dht/storage.h>

#include "base/assert.h"
#include "base/fetch.h"
#include "replica/reentry.h"

namespace dht::replica {

class StorageCalls {
 public:
  template <typename Result>
  using Continuation = Function<void(Result, Effects&)>;

  /// `after_step` runs at the end of every step that a later completion begins.
  StorageCalls(PartitionId partition, std::unique_ptr<PartitionStorage> storage, Reentry& reentry, const Replica& owner,
               Function<void(Effects&)> after_step)
      : partition_(partition),
        reentry_(reentry),
        owner_(owner),
        after_step_(std::move(after_step)),
        storage_(std::move(storage)) {
    DHT_ASSERT(storage_ != nullptr);
  }
  StorageCalls(const StorageCalls&) = delete;
  StorageCalls& operator=(const StorageCalls&) = delete;

  std::optional<StorageRead> get(std::string_view key) { return storage_->get(key, later<StorageRead>()); }
  std::optional<StorageRead> get_version(std::string_view key) {
    return storage_->get_version(key, later<StorageRead>());
  }
  std::optional<StorageWritten> apply(std::span<const StorageChange> changes, std::string_view state) {
    return storage_->apply(changes, state, later<StorageWritten>());
  }
  std::optional<StorageWritten> sync(SyncFor purpose) { return storage_->sync(purpose, later<StorageWritten>()); }
  std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes) {
    return storage_->scan(from, max_bytes, later<StorageScanned>());
  }
  std::optional<StorageWritten> drop() { return storage_->drop(later<StorageWritten>()); }

  /// A hint: a call is about to come.
  void fetch_ahead() const noexcept { base::fetch(storage_.get(), base::kCacheLine); }
  void expect(PartitionStorage::ExpectedKey& expected, unsigned step) const noexcept {
    storage_->expect(expected, step);
  }

  /// What goes on when the call made last completes.
  template <typename Result>
  void await(Continuation<Result> continuation) {
    const bool is_new = awaited<Result>().emplace(last_ticket_, std::move(continuation)).second;
    DHT_ASSERT(is_new);
  }

  bool is_idle() const noexcept {
    return std::apply([](const auto&... maps) { return (maps.empty() && ...); }, awaited_);
  }
  StorageStatistics statistics() const { return storage_->statistics(); }
  bool is_durable() const noexcept { return storage_->is_durable(); }
  std::string state() const { return storage_->state(); }
  std::uint64_t scan_order() const noexcept { return storage_->scan_order(); }

  /// Gives the storage away; nothing may be awaited.
  std::unique_ptr<PartitionStorage> release() {
    DHT_ASSERT(is_idle());
    return std::move(storage_);
  }

 private:
  using Ticket = std::uint64_t;
  template <typename Result>
  using Awaited = std::unordered_map<Ticket, Continuation<Result>>;

  template <typename Result>
  Awaited<Result>& awaited() {
    return std::get<Awaited<Result>>(awaited_);
  }

  template <typename Result>
  Function<void(Result)> later() {
    return [this, &reentry = reentry_, &owner = owner_, partition = partition_,
            ticket = ++last_ticket_](Result result) mutable {
      reentry.reenter(partition,
                      [this, &owner, ticket, result = std::move(result)](Replica& replica, Effects& effects) mutable {
                        // Another replica of this partition may have taken the owner's place while the completion was
                        // on its way.
                        if (&replica == &owner) resume(ticket, std::move(result), effects);
                      });
    };
  }

  template <typename Result>
  void resume(Ticket ticket, Result result, Effects& effects) {
    auto found = awaited<Result>().extract(ticket);
    if (found.empty()) return;
    found.mapped()(std::move(result), effects);
    after_step_(effects);
  }

  PartitionId partition_;
  Reentry& reentry_;
  const Replica& owner_;
  Function<void(Effects&)> after_step_;
  Ticket last_ticket_ = 0;
  std::tuple<Awaited<StorageRead>, Awaited<StorageWritten>, Awaited<StorageScanned>> awaited_;
  std::unique_ptr<PartitionStorage> storage_;  // last: goes first, and drops the handlers that it still has
};

}  // namespace dht::replica
