// Tuning: how RocksDB is set up, and what tests set otherwise.
//
// Thread rule: plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>

#include <dht/rocksdb.h>

#include "failure.h"

namespace dht::rocks {

struct Tuning {
  rocksdb::Env* env = rocksdb::Env::Default();
  /// What is written last stays in memory until it is this much.
  std::size_t write_buffer_bytes = std::size_t{32} << 20;
  /// How long after a drop the space is given back: many drops come together.
  std::chrono::milliseconds reclaim_after{5000};
  /// Dropped partitions smaller than this wait for ordinary compaction.
  std::uint64_t reclaim_bytes = std::uint64_t{1} << 20;
};

/// For a database that is written; `failure` is told what fails in the background, and outlives the database.
rocksdb::Options writing_options(const RocksdbOptions& options, const Tuning& tuning, Failure& failure);
/// For a look at the database that changes nothing.
rocksdb::Options looking_options(const Tuning& tuning);

}  // namespace dht::rocks
