// Batch: several changes to one partition, all of them or none.
//
// Changes are made one after the other and can be taken back until `commit`. What makes taking back possible without
// memory: replaced records are kept until the end, and an erased record is only marked as doomed and leaves the index
// at `commit`, since putting it back could need memory.
//
// Thread rule: none of its own; guarded by the partition that owns the index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <dht/storage.h>

#include "storage/index.h"
#include "storage/record.h"

namespace dht::storage {

class Batch {
 public:
  /// Room for `changes` calls of `make`. Throws std::bad_alloc.
  Batch(Index& index, StorageStatistics& statistics, std::size_t changes);
  /// Takes back everything, unless it was committed.
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  /// Throws std::bad_alloc; then the caller gives the batch up.
  void make(const StorageChange& change);
  void commit() noexcept;

 private:
  struct Step {
    enum class Kind : std::uint8_t { inserted, replaced, doomed };
    Kind kind;
    Index::Position position;
    Record* record;       ///< in the index: the new one, or the doomed one
    Record::Owner old{};  ///< replaced only
  };

  void put(const StorageChange& change, Index::Position position, Slot* slot);
  void take_back(Step& step) noexcept;
  void count(const Record& record) noexcept;
  void uncount(const Record& record) noexcept;

  Index& index_;
  StorageStatistics& statistics_;
  const StorageStatistics statistics_before_;
  std::vector<Step> steps_;
  bool committed_ = false;
};

}  // namespace dht::storage
