// Entries marked as unchanged copies of what another cluster holds: marking them, and dropping those still unchanged.
#include <utility>

#include "base/assert.h"
#include "replica/replica.h"

namespace dht::replica {

// Marking.

struct Replica::MarkJob {
  std::string key;
  Version version = 0;
  ClusterId cluster;
  Value value;  ///< of the entry, once it is read

  StorageChange change() const noexcept { return {StorageChange::Kind::put, key, value.view(), version, cluster}; }
};

void Replica::mark_copy(std::string_view key, Version version, ClusterId cluster, Effects& effects) {
  DHT_ASSERT(is_serving());
  MarkJob job{.key = std::string(key), .version = version, .cluster = cluster, .value = {}};
  if (turns_.is_free(key)) {
    start_mark(std::move(job), effects);
  } else {
    turns_.wait(key, [this, job = std::move(job)](Effects& later) mutable { start_mark(std::move(job), later); });
  }
}

void Replica::start_mark(MarkJob job, Effects& effects) {
  if (auto read = storage_.get(job.key)) {
    apply_mark(std::move(job), std::move(*read), effects);
    return;
  }
  turns_.occupy(job.key);
  storage_.await<StorageRead>([this, job = std::move(job)](StorageRead read, Effects& later) mutable {
    turns_.continue_with(job.key, later, [&] { apply_mark(std::move(job), std::move(read), later); });
  });
}

void Replica::apply_mark(MarkJob job, StorageRead read, Effects& effects) {
  if (read.error || !read.entry || read.entry->version != job.version) return;
  job.value = std::move(read.entry->value);
  const StorageChange change = job.change();
  if (make_change({&change, 1}, {}, effects)) return;
  turns_.occupy(job.key);
  storage_.await<StorageWritten>(
      [this, key = std::move(job.key), ticket = stored_.last()](StorageWritten written, Effects& later) {
        turns_.continue_with(key, later, [&] { end_change(ticket, written, later); });
      });
}

// Dropping, chunk by chunk; what waits for its turn goes in between.

struct Replica::DropJob {
  ClusterId cluster;
  DoneHandler handler;
  ScanCursor cursor = 0;
  std::vector<std::string> keys;  ///< the copies in the present chunk

  std::vector<StorageChange> changes() const {
    std::vector<StorageChange> erases;
    erases.reserve(keys.size());
    for (const std::string& key : keys)
      erases.push_back({.kind = StorageChange::Kind::erase, .key = key});
    return erases;
  }
};

void Replica::drop_copies(ClusterId cluster, DoneHandler handler, Effects& effects) {
  DHT_ASSERT(is_serving() && cluster);
  turns_.wait_alone([this, job = DropJob{cluster, std::move(handler), 0, {}}](
                        Effects& later) mutable { start_drop(std::move(job), later); },
                    effects);
}

void Replica::start_drop(DropJob job, Effects& effects) {
  if (const auto scanned = storage_.scan(job.cursor, options_.chunk_bytes)) {
    erase_copies(std::move(job), *scanned, effects);
    return;
  }
  turns_.occupy_all();
  storage_.await<StorageScanned>([this, job = std::move(job)](StorageScanned scanned, Effects& later) mutable {
    turns_.continue_all(later, [&] { erase_copies(std::move(job), scanned, later); });
  });
}

void Replica::erase_copies(DropJob job, const StorageScanned& scanned, Effects& effects) {
  if (scanned.error) {
    effects.done.push_back({std::move(job.handler), Errc::not_applied});
    return;
  }
  job.cursor = scanned.chunk.next;
  job.keys.clear();
  for (const ScannedEntry& entry : scanned.chunk.entries) {
    if (entry.entry.copy_of == job.cluster) job.keys.push_back(entry.key);
  }
  const auto written = job.keys.empty() ? StorageWritten{} : make_change(job.changes(), {}, effects);
  if (written && written->error) {
    effects.done.push_back({std::move(job.handler), Errc::not_applied});
    return;
  }
  if (written) return go_on_dropping(std::move(job), effects);
  turns_.occupy_all();
  storage_.await<StorageWritten>(
      [this, job = std::move(job), ticket = stored_.last()](StorageWritten later_written, Effects& later) mutable {
        turns_.continue_all(later, [&] {
          end_change(ticket, later_written, later);
          go_on_dropping(std::move(job), later);
        });
      });
}

void Replica::go_on_dropping(DropJob job, Effects& effects) {
  if (!may_answer()) {
    effects.done.push_back({std::move(job.handler), Errc::not_applied});
    return;
  }
  if (job.cursor == kScanEnd) {
    answer_when_committed(std::move(job.handler), effects);
    return;
  }
  turns_.wait_alone([this, job = std::move(job)](Effects& later) mutable { start_drop(std::move(job), later); },
                    effects);
}

}  // namespace dht::replica
