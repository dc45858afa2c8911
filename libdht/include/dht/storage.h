// Storage: where a node keeps the entries of the partitions that it holds a copy of.
//
// Implementations: `make_memory_storage()` (default), `make_rocksdb_storage()` (durable: dht/rocksdb.h, a library of
// its own), in tests what `dht::testing::SimulatedDisk` makes. A user can pass another; `dht/testing/storage_checks.h`
// holds what all of them must pass.
//
// Completion: every call either completes inline, and returns its result, or later, and then returns nothing and gives
// the result to `later` exactly once, from any thread, but never from inside the call. A call that completes inline
// never touches `later`.
//
// Durable storage: `apply` and `drop` are complete when reads see them, `sync` when a crash cannot undo them. What a
// crash leaves of a partition is what the first calls of `apply` and `drop` made of it, in their order: at least those
// for which `sync` was complete, each of them whole, none left out.
//
// Failure: a call that gives an error inline has changed nothing, and others may succeed. A write that fails later, and
// a sync that fails, may be there after a restart or not. The storage has then failed as a whole: it says so once
// (`on_failure`), is never tried again, and every further call fails. So does one that finds its data damaged.
//
// Thread rule: calls on one PartitionStorage are made one at a time by its owner; several objects are used in parallel.
// `Storage` itself may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <dht/entry.h>
#include <dht/function.h>
#include <dht/types.h>

namespace dht {

/// An entry as storage keeps it.
struct StoredEntry {
  Value value{};
  Version version = 0;
  /// Not zero: an unchanged copy of what that cluster holds (design: "copy of C"). Any ordinary write clears it.
  ClusterId copy_of{};

  bool operator==(const StoredEntry&) const = default;
};

/// One change to one key. The views belong to the caller and are valid during the call of `apply` only.
struct StorageChange {
  enum class Kind : std::uint8_t { put, erase };
  Kind kind = Kind::put;
  std::string_view key{};
  std::string_view value{};  ///< put only
  Version version = 0;       ///< put only, never zero
  ClusterId copy_of{};       ///< put only
};

/// Where a scan goes on. Starts at zero; `kScanEnd` when there is nothing more. The meaning of other values is the
/// storage's own; a cursor stays good while entries are added, changed and erased and while the index grows or shrinks.
using ScanCursor = std::uint64_t;
inline constexpr ScanCursor kScanEnd = ~ScanCursor{0};

struct ScannedEntry {
  std::string key{};
  StoredEntry entry{};
  /// Its place, where the storage has a `scan_order`: a scan from there sees it, and one that ends there does not.
  ScanCursor at = 0;
};

/// An entry that is there from the first call of a scan to its last is seen exactly once or more; one that comes or
/// goes meanwhile is seen or not.
struct ScanChunk {
  std::vector<ScannedEntry> entries{};
  ScanCursor next = kScanEnd;
};

struct StorageStatistics {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  ///< keys and values, without overhead

  bool operator==(const StorageStatistics&) const = default;
  StorageStatistics& operator+=(const StorageStatistics& other) {
    entries += other.entries;
    bytes += other.bytes;
    return *this;
  }
};

/// What reading one key gave.
struct StorageRead {
  std::error_code error{};
  std::optional<StoredEntry> entry{};
};
struct StorageWritten {
  std::error_code error{};
};
struct StorageScanned {
  std::error_code error{};
  ScanChunk chunk{};
};

using StorageReadHandler = Function<void(StorageRead)>;
using StorageWriteHandler = Function<void(StorageWritten)>;
using StorageScanHandler = Function<void(StorageScanned)>;

/// What a write is to be made durable for.
enum class SyncFor : std::uint8_t {
  answer,  ///< a client's: an operator may have chosen to lose the last ones in a crash (`--sync=none`)
  role,    ///< what a replica is about to do: never skipped, since others would build on what is then forgotten
};

/// The entries of one partition in one cluster. Destroying the object releases it and keeps what is durable;
/// destroying it before a `later` was called drops that handler uncalled. Where another thread is inside a `later`, the
/// destructor waits for it: the owner holds no lock that a `later` takes, and is not inside one itself.
class PartitionStorage {
 public:
  virtual ~PartitionStorage() = default;

  virtual std::optional<StorageRead> get(std::string_view key, StorageReadHandler later) = 0;
  /// The same for a writer, who wants to know whether the key is there and in which version: the value may be left out.
  virtual std::optional<StorageRead> get_version(std::string_view key, StorageReadHandler later) {
    return get(key, std::move(later));
  }
  /// All changes or none, and with them `state`, which takes the place of the former one: a few bytes that are the
  /// caller's own, and that a storage which is not durable may forget. Changes to one key apply in the order given.
  virtual std::optional<StorageWritten> apply(std::span<const StorageChange> changes, std::string_view state,
                                              StorageWriteHandler later) = 0;
  /// Complete when everything applied before this call is durable for that purpose; at once where this storage keeps
  /// nothing anyway. May be called again while an earlier call is under way.
  virtual std::optional<StorageWritten> sync(SyncFor /*purpose*/, StorageWriteHandler /*later*/) {
    return StorageWritten{};
  }
  /// Entries from `from` on, until about `max_bytes` of keys and values are collected; at least one where one is left.
  virtual std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later) = 0;
  /// Removes everything, the state as well.
  virtual std::optional<StorageWritten> drop(StorageWriteHandler later) = 0;
  virtual StorageStatistics statistics() const = 0;

  /// Whether a restarted process finds here what was applied. Always the same.
  virtual bool is_durable() const noexcept { return false; }
  /// As the last `apply` that reads see gave it; empty where there is none.
  virtual std::string state() const { return {}; }
  /// Names the order of scans: two storages that name the same one, which is not zero, give the entries of a partition
  /// of one cluster in the same order and mean the same by a cursor. Zero: an order of its own.
  virtual std::uint64_t scan_order() const noexcept { return 0; }

  /// A key that will be asked for at once. All but the key is the storage's own, and says how far it has come.
  struct ExpectedKey {
    std::string_view key{};
    std::uint64_t position = 0;
    const void* at = nullptr;
    unsigned depth = 0;
  };
  /// A hint. Given with `step` from zero to `kExpectSteps` - 1, for many keys in turn, so that a storage in memory can
  /// fetch what lies on the way to each, one piece per step, while the others' pieces are on their way, too. No other
  /// call comes between the steps. Changes nothing, and costs next to nothing.
  virtual void expect(ExpectedKey& /*expected*/, unsigned /*step*/) const noexcept {}
  static constexpr unsigned kExpectSteps = 4;
};

/// Which partition of which cluster.
struct StoredPartition {
  ClusterId cluster{};
  PartitionId partition = 0;

  auto operator<=>(const StoredPartition&) const = default;
};

class Storage {
 public:
  virtual ~Storage() = default;
  /// The partition's entries as they were left, or none. Must not be open twice at once. The Storage outlives it.
  virtual std::unique_ptr<PartitionStorage> open(ClusterId cluster, PartitionId partition) = 0;
  /// What the entries of all open partitions take in memory, with all that is kept to find them. Asked at every write
  /// where there is a limit (`NodeOptions::max_memory_bytes`), so it must cost next to nothing. A storage that does not
  /// know says zero, and no limit applies to it.
  virtual std::uint64_t memory_bytes() const noexcept { return 0; }

  // What follows is for storages that are durable; the others do nothing.

  virtual bool is_durable() const noexcept { return false; }
  /// The partitions of which there was anything, entries or a state, when the storage was opened.
  virtual std::vector<StoredPartition> stored() const { return {}; }
  /// Keeps a record of the node itself, in place of the former one of that name; complete when it is durable, whatever
  /// the purpose. Of several under way for one name the last one given stays.
  virtual std::optional<StorageWritten> remember(std::string_view /*name*/, std::string_view /*record*/,
                                                 StorageWriteHandler /*later*/) {
    return StorageWritten{};
  }
  /// The record of that name that is durable; to be asked before the first `remember` of it.
  virtual std::optional<std::string> recall(std::string_view /*name*/) const { return std::nullopt; }
  /// Called once, from any thread, with a sentence that says what is wrong, when the storage has failed as a whole: at
  /// once where it has already. Not called any more once another handler, or none, has been set.
  virtual void on_failure(Function<void(std::string)> /*handler*/) {}
};

/// Keeps everything in memory; every call completes inline. Where memory runs out, a call returns
/// std::errc::not_enough_memory and nothing has changed. Scans go in the order of a hash that is seeded at random.
std::unique_ptr<Storage> make_memory_storage();
/// The same with a given seed: equal seeds and equal calls give equal scans. For simulations.
std::unique_ptr<Storage> make_memory_storage(std::uint64_t seed);

}  // namespace dht
