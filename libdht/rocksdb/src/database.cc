#include "database.h"

#include <utility>

#include "directory.h"
#include "opening.h"

namespace dht::rocks {
namespace {

rocksdb::Slice slice_of(std::string_view bytes) noexcept { return {bytes.data(), bytes.size()}; }
std::string_view view_of(const rocksdb::Slice& slice) noexcept { return {slice.data(), slice.size()}; }

/// Calls `visit` with each key and value whose key begins with `kind`.
template <typename Visit>
rocksdb::Status visit_all(rocksdb::DB& database, char kind, Visit visit) {
  const std::string begin(1, kind);
  const std::string end(1, static_cast<char>(kind + 1));
  const rocksdb::Slice upper = slice_of(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> at(database.NewIterator(options));
  for (at->Seek(slice_of(begin)); at->Valid(); at->Next()) {
    if (!visit(view_of(at->key()), view_of(at->value()))) {
      return rocksdb::Status::Corruption("a record is not of the form that it must have");
    }
  }
  return at->status();
}

}  // namespace

Database::Database(const RocksdbOptions& options, const Tuning& tuning)
    : directory_(options.directory), sync_answers_(options.sync_answers), failure_(options.directory) {
  open(options, tuning);
}

void Database::open(const RocksdbOptions& options, const Tuning& tuning) {
  const DirectoryState state = prepare_directory(directory_);
  const std::optional<std::uint64_t> synced = read_sync_file(directory_);
  if (state == DirectoryState::used && synced) check_whole(directory_, *synced, tuning);
  rocksdb::Options made = writing_options(options, tuning, failure_);
  made.create_if_missing = state == DirectoryState::founded;
  rocks_ = open_rocks(directory_, made);
  // What was in the log is now in a file that has been synced, the mark as well.
  mark_ = mark_in(*rocks_, directory_, Kept::all_that_is_readable);
  sync_file_.emplace(directory_, mark_);
  if (state == DirectoryState::founded) sync_directory(directory_);
}

Database::~Database() {
  if (synced() < written() && !failure_.failed()) sync();
  if (rocks_ != nullptr) rocks_->Close();
}

Contents Database::read_contents() {
  Contents contents;
  rocksdb::Status status = visit_all(*rocks_, kPartitionKeys, [&](std::string_view key, std::string_view value) {
    const std::optional<StoredPartition> partition = parse_partition_key(key);
    std::optional<PartitionRecord> record = parse_partition_value(value);
    if (!partition || !record) return false;
    if (!record->empty()) contents.partitions.emplace(*partition, std::move(*record));
    return true;
  });
  if (!status.ok()) throw cannot_open(directory_, status, Kept::all_that_is_readable);
  status = visit_all(*rocks_, kNodeKeys, [&](std::string_view key, std::string_view value) {
    contents.records.emplace(key.substr(1), value);
    return true;
  });
  if (!status.ok()) throw cannot_open(directory_, status, Kept::all_that_is_readable);
  return contents;
}

rocksdb::Status Database::read(std::string_view key, Reach reach, rocksdb::PinnableSlice& value) {
  rocksdb::ReadOptions options;
  if (reach == Reach::memory) options.read_tier = rocksdb::kBlockCacheTier;
  rocksdb::Status status = rocks_->Get(options, rocks_->DefaultColumnFamily(), slice_of(key), &value);
  const bool must_look_further = status.IsIncomplete() && reach == Reach::memory;
  if (!status.ok() && !status.IsNotFound() && !must_look_further) failure_.fail(status, "cannot read an entry");
  return status;
}

void Database::malformed_entry() {
  failure_.fail(rocksdb::Status::Corruption("it is not of the form that it must have"), "cannot read an entry");
}

rocksdb::Status Database::write(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions options;
  options.no_slowdown = true;
  rocksdb::Status status = rocks_->Write(options, &batch);
  if (status.ok()) {
    written_.fetch_add(1, std::memory_order_acq_rel);
  } else if (!status.IsIncomplete()) {
    failure_.fail(status, "cannot write to the log");
  }
  return status;
}

bool Database::sync() {
  // First the number: a write that returns during the sync may be in it or not.
  const std::uint64_t written = this->written();
  rocksdb::WriteBatch batch;
  batch.Put(slice_of(kSyncKey), number_value(mark_ + 1));
  rocksdb::WriteOptions options;
  options.no_slowdown = true;
  const rocksdb::Status marked = rocks_->Write(options, &batch);
  // Where writes have to wait, the sync need not: it only leaves no mark, and the file stays as it is.
  rocksdb::Status status = marked.ok() || marked.IsIncomplete() ? rocks_->FlushWAL(true) : marked;
  if (!status.ok()) {
    failure_.fail(status, "cannot sync the log");
    return false;
  }
  // A failure in the background may have swallowed what this sync was about.
  if (failure_.failed()) return false;
  if (marked.ok()) sync_file_->write(++mark_);
  synced_.store(written, std::memory_order_release);
  return true;
}

}  // namespace dht::rocks
