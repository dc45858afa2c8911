// FaultyStorage: a storage around another one, with the troubles that the test orders: a call that fails at once or
// later, a storage that has failed as a whole, a disk that answers no more until it is released.
//
// What nothing was ordered for goes to the storage below as it is, and so completes as it does there. Calls that were
// held back, and their answers, keep the order of the contract: what was written after a held write, or is to be synced
// after it, waits with it. A failure of the storage below by itself is not passed on to `on_failure`.
//
// Thread rule: one thread only, that of the scheduler, whatever the storage below allows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <dht/scheduler.h>
#include <dht/storage.h>

namespace dht::testing {

class FaultyStorage final : public Storage {
 public:
  /// What may be ordered for each kind of call by itself; `get` is `get_version`, too.
  enum class Call : std::uint8_t { get, scan, apply, drop, sync, remember };
  static constexpr std::size_t kCalls = 6;

  FaultyStorage(Scheduler& scheduler, std::unique_ptr<Storage> below);
  /// All its partitions are closed.
  ~FaultyStorage() override;

  /// The call of that kind that is the `nth` from now on fails inline. It has changed nothing, and others go on.
  void fail_inline(Call kind, std::error_code error, std::size_t nth = 1);
  /// The same, but it fails later. Where it writes or syncs, the storage has then failed as a whole.
  void fail_later(Call kind, std::error_code error, std::size_t nth = 1);
  /// The same, but what it was to write is there all the same, for whoever looks at `below`.
  void fail_after_writing(Call kind, std::error_code error, std::size_t nth = 1);
  /// The storage has failed as a whole: what is held fails later, and every further call at once.
  void fail_all(std::error_code error, std::string sentence);
  bool has_failed() const noexcept { return static_cast<bool>(failed_); }

  /// From now on calls of that kind are not made, until `release`.
  void hold(Call kind);
  /// Makes the calls that were held, in their order, and holds no more.
  void release(Call kind);
  /// How many calls wait, of all kinds.
  std::size_t held() const;
  /// How many calls of that kind there were.
  std::size_t calls(Call kind) const { return kinds_[index_of(kind)].calls; }

  Storage& below() noexcept { return *below_; }

  std::unique_ptr<PartitionStorage> open(ClusterId cluster, PartitionId partition) override;
  std::uint64_t memory_bytes() const noexcept override { return below_->memory_bytes(); }
  bool is_durable() const noexcept override { return below_->is_durable(); }
  std::vector<StoredPartition> stored() const override { return below_->stored(); }
  std::optional<StorageWritten> remember(std::string_view name, std::string_view record,
                                         StorageWriteHandler later) override;
  std::optional<std::string> recall(std::string_view name) const override { return below_->recall(name); }
  void on_failure(Function<void(std::string)> handler) override;

 private:
  class Lane;
  class Partition;

  enum class How : std::uint8_t { at_once, later, after_writing };
  struct Fault {
    How how = How::at_once;
    std::error_code error{};
    std::size_t at = 0;  ///< the number of the call
  };
  struct Kind {
    std::size_t calls = 0;
    bool is_held = false;
    std::vector<Fault> faults{};
  };

  static constexpr std::size_t index_of(Call kind) noexcept { return static_cast<std::size_t>(kind); }
  void order(Call kind, How how, std::error_code error, std::size_t nth);
  /// Counts a call, and takes out what was ordered for it.
  std::optional<Fault> next(Call kind);

  Scheduler& scheduler_;
  std::unique_ptr<Storage> below_;
  std::array<Kind, kCalls> kinds_{};
  std::error_code failed_{};
  std::string sentence_{};
  Function<void(std::string)> handler_;
  std::unique_ptr<Scheduler::Timer> telling_;
  std::set<Lane*> lanes_;
  std::unique_ptr<Lane> records_;
};

}  // namespace dht::testing
