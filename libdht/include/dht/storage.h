// Storage: where a node keeps the entries of the partitions that it holds a copy of.
//
// Implementations: `make_memory_storage()` (default). A user can pass another.
//
// Completion: every call either completes inline, and returns its result, or later, and then returns nothing and gives
// the result to `later` exactly once, from any thread, but never from inside the call. A call that completes inline
// never touches `later`.
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
  /// All changes or none, as durable as this storage gets. Changes to one key apply in the order given.
  virtual std::optional<StorageWritten> apply(std::span<const StorageChange> changes, StorageWriteHandler later) = 0;
  /// Entries from `from` on, until about `max_bytes` of keys and values are collected; at least one where one is left.
  virtual std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later) = 0;
  /// Removes everything.
  virtual std::optional<StorageWritten> drop(StorageWriteHandler later) = 0;
  virtual StorageStatistics statistics() const = 0;

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

class Storage {
 public:
  virtual ~Storage() = default;
  /// The partition's entries as they were left, or none. Must not be open twice at once. The Storage outlives it.
  virtual std::unique_ptr<PartitionStorage> open(ClusterId cluster, PartitionId partition) = 0;
  /// What the entries of all open partitions take in memory, with all that is kept to find them. Asked at every write
  /// where there is a limit (`NodeOptions::max_memory_bytes`), so it must cost next to nothing. A storage that does not
  /// know says zero, and no limit applies to it.
  virtual std::uint64_t memory_bytes() const noexcept { return 0; }
};

/// Keeps everything in memory; every call completes inline. Where memory runs out, a call returns
/// std::errc::not_enough_memory and nothing has changed. Scans go in the order of a hash that is seeded at random.
std::unique_ptr<Storage> make_memory_storage();
/// The same with a given seed: equal seeds and equal calls give equal scans. For simulations.
std::unique_ptr<Storage> make_memory_storage(std::uint64_t seed);

}  // namespace dht
