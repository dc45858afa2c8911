#include "replica/copies.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace dht::replica {

namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;

/// One copy under way. Owned by whoever goes on with it: the running call, or the handler that a storage holds. A
/// storage takes a handler before it tells whether it needs it, so the two share the ownership for that moment.
class Copy : public std::enable_shared_from_this<Copy> {
 public:
  using Resume = Function<void(Function<void()>)>;
  using Done = Function<void(std::error_code, Version)>;

  Copy(PartitionStorage& from, PartitionStorage& to, ClusterId mark, Resume resume, Done done)
      : from_(from), to_(to), mark_(mark), resume_(std::move(resume)), done_(std::move(done)) {}

  /// Goes on until it is done or a storage completes later.
  void run() {
    while (cursor_ != kScanEnd) {
      const auto scanned = from_.scan(cursor_, kChunkBytes, [self = shared_from_this()](StorageScanned later) {
        self->resume_([self, later = std::move(later)] {
          if (self->write(later)) self->run();
        });
      });
      if (!scanned || !write(*scanned)) return;
    }
    done_({}, highest_);
  }

 private:
  /// False where `run` is not to go on now: it failed, or the storage completes later.
  bool write(const StorageScanned& scanned) {
    if (scanned.error) return fail(scanned.error);
    std::vector<StorageChange> changes;
    changes.reserve(scanned.chunk.entries.size());
    for (const ScannedEntry& scanned_entry : scanned.chunk.entries) {
      const StoredEntry& entry = scanned_entry.entry;
      highest_ = std::max(highest_, entry.version);
      changes.push_back({StorageChange::Kind::put, scanned_entry.key, entry.value.view(), entry.version, mark_});
    }
    cursor_ = scanned.chunk.next;
    if (changes.empty()) return true;
    const auto written = to_.apply(changes, {}, [self = shared_from_this()](StorageWritten later) {
      self->resume_([self, error = later.error] {
        if (error) {
          self->fail(error);
        } else {
          self->run();
        }
      });
    });
    if (!written) return false;
    return written->error ? fail(written->error) : true;
  }

  bool fail(std::error_code error) {
    done_(error, highest_);
    return false;
  }

  PartitionStorage& from_;
  PartitionStorage& to_;
  ClusterId mark_;
  Resume resume_;
  Done done_;
  ScanCursor cursor_ = 0;
  Version highest_ = 0;
};

}  // namespace

void copy_as_marked(PartitionStorage& from, PartitionStorage& to, ClusterId mark,
                    Function<void(Function<void()> step)> resume,
                    Function<void(std::error_code, Version highest)> done) {
  std::make_shared<Copy>(from, to, mark, std::move(resume), std::move(done))->run();
}

}  // namespace dht::replica
