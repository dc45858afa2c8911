#include "tuning.h"

#include <algorithm>
#include <cstdarg>

#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include "layout.h"

namespace dht::rocks {
namespace {

/// RocksDB flushes and compacts by itself; where that fails, what was confirmed is safe in the log, but not for ever.
class BackgroundErrors final : public rocksdb::EventListener {
 public:
  explicit BackgroundErrors(Failure& failure) : failure_(failure) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    failure_.fail(*status, "cannot write");
  }

 private:
  Failure& failure_;
};

/// The records of partitions are written again and again: where the last one of a partition went in memory is where the
/// next one goes, too.
class PartitionRecords final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "dht.PartitionRecords"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override { return key; }
  bool InDomain(const rocksdb::Slice& key) const override {
    return key.starts_with(rocksdb::Slice(&kPartitionKeys, 1));
  }
};

class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::CompressionType compression() {
  const std::vector<rocksdb::CompressionType> there = rocksdb::GetSupportedCompressions();
  // LZ4 costs less than the reading that it saves, and nothing on the path of a write.
  const bool has_lz4 = std::ranges::find(there, rocksdb::kLZ4Compression) != there.end();
  return has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

void set_table(rocksdb::Options& made, std::uint64_t cache_bytes) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(static_cast<std::size_t>(cache_bytes));
  // Ten bits a key: one read in a hundred for a key that is not there looks into a block. Most writers ask for such.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.optimize_filters_for_memory = true;
  // What finds entries is in the cache, too, and counted; ahead of them, since each is good for many.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.format_version = 5;
  made.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  made.compression = compression();
}

/// Writes are never slowed down, which `no_slowdown` would turn into endless tries: they go on at full speed until they
/// have to stop, and then wait on the writer's thread.
void set_stops(rocksdb::Options& made) {
  made.max_write_buffer_number = 3;  // with more, RocksDB slows down at the last but one
  made.level0_file_num_compaction_trigger = 4;
  made.level0_slowdown_writes_trigger = 24;
  made.level0_stop_writes_trigger = 24;
  made.soft_pending_compaction_bytes_limit = 0;  // then it is the hard one
  made.hard_pending_compaction_bytes_limit = std::uint64_t{256} << 30;
}

void set_log(rocksdb::Options& made, bool sync_answers) {
  // With it a write only copies to memory, and the next sync brings it to the system; without it each write does.
  made.manual_wal_flush = sync_answers;
  made.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  made.track_and_verify_wals_in_manifest = true;
}

void set_quiet(rocksdb::Options& made) {
  made.info_log_level = rocksdb::WARN_LEVEL;
  made.keep_log_file_num = 3;
  made.max_log_file_size = std::size_t{1} << 20;
  made.stats_dump_period_sec = 0;
  made.stats_persist_period_sec = 0;
}

}  // namespace

rocksdb::Options looking_options(const Tuning& tuning) {
  rocksdb::Options made;
  made.env = tuning.env;
  made.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  made.track_and_verify_wals_in_manifest = true;
  made.info_log = std::make_shared<NoLog>();
  made.stats_dump_period_sec = 0;
  made.stats_persist_period_sec = 0;
  made.max_open_files = 16;
  made.skip_stats_update_on_db_open = true;
  return made;
}

rocksdb::Options writing_options(const RocksdbOptions& options, const Tuning& tuning, Failure& failure) {
  rocksdb::Options made;
  made.env = tuning.env;
  made.write_buffer_size = tuning.write_buffer_bytes;
  set_table(made, options.cache_bytes);
  made.memtable_insert_with_hint_prefix_extractor = std::make_shared<PartitionRecords>();  // a fifth less per write
  made.allow_concurrent_memtable_write = false;  // pays with more cores than nodes have
  set_stops(made);
  set_log(made, options.sync_answers);
  set_quiet(made);
  made.paranoid_checks = true;
  made.level_compaction_dynamic_level_bytes = true;
  made.max_background_jobs = 2;  // one flush and one compaction: nodes have few cores, and requests need them
  made.bytes_per_sync = std::uint64_t{1} << 20;  // so that a large file does not stand in the way of a sync of the log
  made.max_open_files = 256;                     // of 64 MiB each; the system's limit of open files is for connections
  made.skip_stats_update_on_db_open = true;
  made.avoid_unnecessary_blocking_io = true;
  made.max_bgerror_resume_count = 0;  // a disk that failed is not tried again
  made.listeners.push_back(std::make_shared<BackgroundErrors>(failure));
  return made;
}

}  // namespace dht::rocks
