// SimulatedDisk: what a durable storage keeps, as an object of the test. It outlives the process that uses it, and
// forgets at a crash what was not synced, as a disk may.
//
//   SimulatedDisk disk(seed);
//   auto storage = disk.open(scheduler, {});     // of one process
//   disk.crash();                                // from here on that storage does nothing any more
//   auto again = disk.open(other_scheduler, {}); // of the next
//
// What is applied is seen at once, or after a while; a sync takes a while longer. A crash leaves of each partition some
// first part of what was applied, at least what was synced, and of each record of the node the last one that was
// remembered for good, or a later one. Which, the seed says.
//
// Opening a partition that is open already ends the test's process.
//
// Thread rule: one thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <dht/scheduler.h>
#include <dht/storage.h>

namespace dht::testing {

/// Each call takes between the two, drawn anew; zero: it completes inline.
struct DiskTimes {
  Duration call_min{0};
  Duration call_max{0};
  Duration sync_min{0};
  Duration sync_max{0};
  /// False: a client's write is answered before it is synced (`--sync=none`).
  bool syncs_answers = true;
};

class SimulatedDisk {
 public:
  explicit SimulatedDisk(std::uint64_t seed);
  ~SimulatedDisk();
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  /// Ends the use of the storage opened before, orderly: it has synced what it was given.
  std::unique_ptr<Storage> open(Scheduler& scheduler, const DiskTimes& times);
  /// The process that uses it ends in mid-sentence.
  void crash();
  /// As after it was exchanged.
  void wipe();
  bool is_empty() const;

  /// What is on it just now, for whoever judges.
  using Entries = std::map<std::string, StoredEntry, std::less<>>;
  std::map<std::pair<ClusterId, PartitionId>, Entries> entries() const;

 private:
  class Partition;
  class Opened;
  class OpenedPartition;
  struct Contents;

  std::shared_ptr<Contents> contents_;  ///< shared with what was opened, which may outlive its use
};

}  // namespace dht::testing
