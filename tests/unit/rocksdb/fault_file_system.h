// FaultFileSystem: the files of the system for RocksDB, with the troubles of a disk: writes and syncs that fail, reads
// and writes that take their time, and crashes of the machine, which take what was not synced.
//
// A sync only notes how far the file was synced: nothing here needs a real one, and tests are many times faster.
//
// Thread rule: may be used from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

namespace dht::testing {

class FaultFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  enum class Action : unsigned char { write, sync, read };

  explicit FaultFileSystem(std::uint64_t seed = 1) : FileSystemWrapper(rocksdb::FileSystem::Default()), random_(seed) {}
  const char* Name() const override { return "FaultFileSystem"; }

  /// From now on the action fails so on files with that ending; "" means all.
  void fail(Action action, std::string ending, rocksdb::IOStatus status);
  void fail_nothing();
  /// From now on the action waits on files with that ending until `release`.
  void hold(Action action, std::string ending);
  void release();
  /// Whether an action is being held.
  bool is_holding() const;
  /// How many syncs there were.
  std::uint64_t syncs() const;
  /// How many files were deleted.
  std::uint64_t deletions() const;
  /// Waits until there were more than so many; false where that takes too long.
  bool await_deletion_beyond(std::uint64_t count);

  /// From now on nothing is changed any more, and what tries fails.
  void freeze();
  /// After a `freeze`, with all files closed: takes a random part of what was written and not synced, where the machine
  /// is to have crashed; then files can be changed again.
  void thaw(bool machine_crashed);

  // Called for each action; an error is what it is to give.
  rocksdb::IOStatus before(Action action, const std::string& path);
  void appended(const std::string& path, std::uint64_t bytes);
  void synced(const std::string& path);

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* made,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* made,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* made, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

 private:
  struct Rule {
    Action action;
    std::string ending;
    rocksdb::IOStatus status;
  };
  struct Written {
    std::uint64_t bytes = 0;
    std::uint64_t synced = 0;
  };

  mutable std::mutex mutex_;
  std::condition_variable released_;
  std::condition_variable deleted_;
  std::optional<Rule> failing_;
  std::optional<Rule> held_;
  unsigned holding_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t deletions_ = 0;
  bool frozen_ = false;
  std::map<std::string, Written> written_;
  std::mt19937_64 random_;
};

/// RocksDB takes file systems by an Env around them.
struct FaultDisk {
  std::shared_ptr<FaultFileSystem> files = std::make_shared<FaultFileSystem>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
};

}  // namespace dht::testing
