// SimulatedDisk::Partition: the entries and the state of one partition, and how to undo what is not synced yet.
//
// Thread rule: one thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dht/testing/simulated_disk.h>

namespace dht::testing {

class SimulatedDisk::Partition {
 public:
  explicit Partition(ClusterId cluster) : cluster_(cluster) {}

  std::optional<StoredEntry> get(std::string_view key) const;
  StorageWritten apply(std::span<const StorageChange> changes, std::string_view state);
  StorageWritten drop();
  ScanChunk scan(ScanCursor from, std::size_t max_bytes) const;
  SimulatedDisk::Entries by_key() const;
  StorageStatistics statistics() const noexcept { return statistics_; }
  const std::string& state() const noexcept { return state_; }
  bool is_empty() const noexcept { return entries_.empty() && state_.empty(); }

  /// Counts the calls of `apply` and `drop`.
  std::uint64_t position() const noexcept { return position_; }
  /// Everything up to `position` stays, whatever comes.
  void sync(std::uint64_t position);
  std::uint64_t unsynced() const noexcept { return undos_.size(); }
  /// Takes the last `count` calls back, which are not synced.
  void undo(std::uint64_t count);

 private:
  using Place = std::pair<std::uint64_t, std::string>;  ///< in the order of scans: by a hash, then by the key
  using Entries = std::map<Place, StoredEntry>;
  /// What a call has changed, as it was before.
  struct Undo {
    std::vector<std::pair<Place, std::optional<StoredEntry>>> entries{};
    std::optional<Entries> all{};  ///< of a drop
    std::string state{};
  };

  Place place_of(std::string_view key) const;
  void put(const Place& place, std::optional<StoredEntry> entry);

  const ClusterId cluster_;
  Entries entries_;
  std::string state_;
  StorageStatistics statistics_;
  std::uint64_t position_ = 0;
  std::deque<Undo> undos_;  ///< of the last calls
};

}  // namespace dht::testing
