#include "reclaimer.h"

#include <utility>

namespace dht::rocks {

Reclaimer::Reclaimer(Database& database, const Tuning& tuning)
    : database_(database),
      after_(tuning.reclaim_after),
      least_bytes_(tuning.reclaim_bytes),
      thread_([this] { run(); }) {}

Reclaimer::~Reclaimer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Reclaimer::dropped(StoredPartition partition, std::uint64_t bytes) {
  if (bytes < least_bytes_) return;
  {
    const std::lock_guard lock(mutex_);
    partitions_.insert(partition);
  }
  changed_.notify_all();
}

void Reclaimer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !partitions_.empty(); });
    changed_.wait_for(lock, after_, [this] { return stopping_.load(); });
    if (stopping_) return;
    const std::set<StoredPartition> partitions = std::exchange(partitions_, {});
    lock.unlock();
    compact(partitions);
    lock.lock();
  }
}

void Reclaimer::compact(const std::set<StoredPartition>& partitions) {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.max_subcompactions = 1;
  options.canceled = &stopping_;
  for (auto at = partitions.begin(); at != partitions.end();) {
    // Neighbours in one go.
    const StoredPartition first = *at;
    StoredPartition last = first;
    for (++at; at != partitions.end() && *at == StoredPartition{last.cluster, last.partition + 1}; ++at)
      last = *at;
    if (stopping_ || database_.failure().failed()) return;
    const std::string begin = entries_from(first, 0);
    const std::string end = entries_end(last);
    const rocksdb::Slice begin_slice(begin);
    const rocksdb::Slice end_slice(end);
    // Where it fails the database says so by itself, and where it was cancelled there is nothing to say.
    database_.rocks().CompactRange(options, &begin_slice, &end_slice).PermitUncheckedError();
  }
}

}  // namespace dht::rocks
