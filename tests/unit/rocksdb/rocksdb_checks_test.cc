// What every storage must pass: the one of RocksDB, on a disk that forgets what was not synced, with many small files,
// and without syncs for answers where only the process ends.
#include <memory>

#include <dht/rocksdb.h>

#include "../../temp_directory.h"
#include "../storage/run_storage_checks.h"
#include "fault_file_system.h"
#include "rocksdb_storage.h"

namespace dht::testing {
namespace {

struct SubjectKind {
  bool sync_answers = true;
  std::size_t write_buffer_bytes = std::size_t{1} << 20;
  bool machine_crashes = true;
};

class RocksdbSubject final : public StorageSubject {
 public:
  explicit RocksdbSubject(SubjectKind kind) : kind_(kind) { open(); }

  Storage& storage() override { return *storage_; }
  void reopen() override {
    storage_.reset();
    disk_.files->thaw(crashed_ && kind_.machine_crashes);
    crashed_ = false;
    open();
  }
  bool crash() override {
    disk_.files->freeze();
    crashed_ = true;
    return true;
  }
  bool allows_threads() const override { return true; }

 private:
  void open() {
    rocks::Tuning tuning;
    tuning.env = disk_.env.get();
    tuning.write_buffer_bytes = kind_.write_buffer_bytes;
    tuning.reclaim_after = std::chrono::milliseconds(5);
    tuning.reclaim_bytes = 1;
    const RocksdbOptions options{.directory = (directory_.path() / "data").string(),
                                 .sync_answers = kind_.sync_answers,
                                 .cache_bytes = std::uint64_t{1} << 20};
    storage_ = std::make_unique<rocks::RocksdbStorage>(options, tuning);
  }

  const SubjectKind kind_;
  const TempDirectory directory_;
  FaultDisk disk_;
  bool crashed_ = false;
  std::unique_ptr<Storage> storage_;
};

void run_checks(SubjectKind kind) {
  run_storage_checks([kind] { return std::make_unique<RocksdbSubject>(kind); }, true);
}

TEST_CASE("the storage of RocksDB") { run_checks({}); }

TEST_CASE("the storage of RocksDB with many small files") { run_checks({.write_buffer_bytes = std::size_t{64} << 10}); }

TEST_CASE("the storage of RocksDB that does not sync answers, where the process ends") {
  run_checks({.sync_answers = false, .machine_crashes = false});
}

}  // namespace
}  // namespace dht::testing
