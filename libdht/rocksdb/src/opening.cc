#include "opening.h"

#include <string_view>

#include <fmt/format.h>

#include <dht/error.h>

#include "failure.h"
#include "layout.h"

namespace dht::rocks {
namespace {

OpenError in_use(const std::string& directory) {
  return {Errc::conflict, fmt::format("The directory {} is in use by another process. Nothing was changed. Stop that "
                                      "process, or name another directory.",
                                      directory)};
}

OpenError damaged(const std::string& directory, std::string_view how, Kept kept) {
  const std::string_view what_is_kept =
      kept == Kept::as_they_were ? "Nothing was changed." : "All that could be read is kept.";
  return {Errc::corrupt, fmt::format("The data in {} is damaged: {}. {} Check the disk, restore the directory from "
                                     "a copy or empty it: the node then fetches its entries from the others.",
                                     directory, how, what_is_kept)};
}

/// RocksDB's own lock, held while nothing is open yet.
class Lock {
 public:
  Lock(const std::string& directory, rocksdb::Env& env) : env_(env) {
    const rocksdb::Status status = env.LockFile(directory + "/LOCK", &lock_);
    if (!status.ok()) throw cannot_open(directory, status, Kept::as_they_were);
  }
  ~Lock() { env_.UnlockFile(lock_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  rocksdb::Env& env_;
  rocksdb::FileLock* lock_ = nullptr;
};

}  // namespace

OpenError cannot_open(const std::string& directory, const rocksdb::Status& status, Kept kept) {
  const std::string text = status.ToString();
  // RocksDB tells a lock that is held from other errors of the system by its words only.
  if (text.find("While lock file") != std::string::npos ||
      text.find("lock hold by current process") != std::string::npos)
    return in_use(directory);
  if (status.IsCorruption()) return damaged(directory, text, kept);
  return {code_of(status),
          fmt::format("The data in {} cannot be opened: {}. All that was confirmed as durable is kept. See to it that "
                      "the disk works, has space and can be written by this user, and start again.",
                      directory, text)};
}

std::uint64_t mark_in(rocksdb::DB& database, const std::string& directory, Kept kept) {
  std::string value;
  const rocksdb::Status status = database.Get({}, {kSyncKey.data(), kSyncKey.size()}, &value);
  if (status.IsNotFound()) return 0;
  if (!status.ok()) throw cannot_open(directory, status, kept);
  const std::optional<std::uint64_t> number = parse_number_value(value);
  if (!number) throw damaged(directory, "the number of the last sync is no number", kept);
  return *number;
}

void check_whole(const std::string& directory, std::uint64_t synced, const Tuning& tuning) {
  const Lock lock(directory, *tuning.env);
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(looking_options(tuning), directory, &opened);
  const std::unique_ptr<rocksdb::DB> database(opened);
  if (!status.ok()) throw cannot_open(directory, status, Kept::as_they_were);
  const std::uint64_t mark = mark_in(*database, directory, Kept::as_they_were);
  if (mark >= synced) return;
  throw damaged(directory,
                fmt::format("its log can be read up to sync {} only, and was synced up to {}, so writes "
                            "that were confirmed cannot be read",
                            mark, synced),
                Kept::as_they_were);
}

std::unique_ptr<rocksdb::DB> open_rocks(const std::string& directory, const rocksdb::Options& options) {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, directory, &opened);
  std::unique_ptr<rocksdb::DB> database(opened);
  if (!status.ok()) throw cannot_open(directory, status, Kept::all_that_is_readable);
  return database;
}

}  // namespace dht::rocks
