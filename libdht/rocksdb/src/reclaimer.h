// Reclaimer: gives the space of dropped partitions back to the disk.
//
// A drop only writes that a range of keys is void. Compaction would find that out some day; this makes it look, a while
// after the drop, so that the partitions of a node that leaves come together. RocksDB could also delete the files of a
// range at once, but that takes no notice of what was written since, and can bring back what a deleted file voided.
//
// Thread rule: may be used from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "database.h"

namespace dht::rocks {

class Reclaimer {
 public:
  Reclaimer(Database& database, const Tuning& tuning);
  /// Gives up what it is at.
  ~Reclaimer();
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  void dropped(StoredPartition partition, std::uint64_t bytes);

 private:
  void run();
  void compact(const std::set<StoredPartition>& partitions);

  Database& database_;
  const std::chrono::milliseconds after_;
  const std::uint64_t least_bytes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<StoredPartition> partitions_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace dht::rocks
