// Trial: a storage of RocksDB in a directory of its own, on a disk that can be given troubles, and calls that are
// waited for.
//
// Thread rule: one thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include <dht/rocksdb.h>
#include <dht/storage.h>

#include "../../temp_directory.h"
#include "fault_file_system.h"
#include "rocksdb_storage.h"

namespace dht::testing {

/// Makes a call and waits for its result.
template <typename Result, typename Call>
Result await(Call call) {
  // Shared with the handler, which the partition may still hold when the wait is given up.
  const auto promise = std::make_shared<std::promise<Result>>();
  std::future<Result> future = promise->get_future();
  std::optional<Result> now = call([promise](Result result) { promise->set_value(std::move(result)); });
  if (now) return *std::move(now);
  REQUIRE(future.wait_for(std::chrono::seconds(60)) == std::future_status::ready);
  return future.get();
}

inline std::error_code put(PartitionStorage& partition, std::string_view key, std::string_view value,
                           std::string_view state = {}) {
  const StorageChange change{StorageChange::Kind::put, key, value, 1, {}};
  return await<StorageWritten>([&](StorageWriteHandler later) {
           return partition.apply({&change, 1}, state, std::move(later));
         })
      .error;
}

inline StorageRead get(PartitionStorage& partition, std::string_view key) {
  return await<StorageRead>([&](StorageReadHandler later) { return partition.get(key, std::move(later)); });
}

inline StorageScanned scan(PartitionStorage& partition, std::size_t max_bytes = 1 << 30) {
  return await<StorageScanned>(
      [&](StorageScanHandler later) { return partition.scan(0, max_bytes, std::move(later)); });
}

inline std::error_code sync(PartitionStorage& partition, SyncFor purpose = SyncFor::role) {
  return await<StorageWritten>([&](StorageWriteHandler later) { return partition.sync(purpose, std::move(later)); })
      .error;
}

/// All files of a directory, to see whether one was changed.
inline std::map<std::string, std::string> files_in(const std::filesystem::path& directory) {
  std::map<std::string, std::string> files;
  if (!std::filesystem::exists(directory)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path().filename().string()] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.flush());
}

inline void flip_byte(const std::filesystem::path& path, std::uint64_t at) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(at));
  const char flipped = static_cast<char>(file.get() ^ 0x10);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(flipped);
  REQUIRE(file.flush());
}

/// Why a storage could not be opened.
struct Refusal {
  std::error_code code{};
  std::string sentence{};

  bool says(std::string_view part) const { return sentence.find(part) != std::string::npos; }
};

class Trial {
 private:
  TempDirectory directory_;
  FaultDisk disk_;
  std::unique_ptr<rocks::RocksdbStorage> storage_;

 public:
  RocksdbOptions options{.directory = (directory_.path() / "data").string(), .cache_bytes = std::uint64_t{1} << 20};
  rocks::Tuning tuning{.env = disk_.env.get()};

  ~Trial() {
    files().release();
    close();
  }

  Storage& open() {
    storage_ = std::make_unique<rocks::RocksdbStorage>(options, tuning);
    return *storage_;
  }
  void close() { storage_.reset(); }
  /// Ends it as a crash of the process does, or of the machine. All partitions are closed.
  void crash(bool of_the_machine = false) {
    files().freeze();
    close();
    files().thaw(of_the_machine);
  }
  std::optional<Refusal> try_open() try {
    open();
    return std::nullopt;
  } catch (const std::system_error& error) {
    return Refusal{error.code(), error.what()};
  }
  /// That it is refused so, and that nothing was changed.
  Refusal require_refused() {
    const auto before = files_in(path());
    std::optional<Refusal> refusal = try_open();
    REQUIRE(refusal);
    CHECK(files_in(path()) == before);
    CHECK(refusal->says(options.directory));
    return *refusal;
  }

  std::unique_ptr<PartitionStorage> partition(PartitionId id = 0) { return storage_->open(ClusterId{1}, id); }
  rocksdb::DB& rocks() { return storage_->rocks(); }
  FaultFileSystem& files() { return *disk_.files; }
  std::filesystem::path path() const { return options.directory; }
  /// The largest file with that ending.
  std::filesystem::path largest(std::string_view ending) const {
    std::filesystem::path found;
    for (const auto& entry : std::filesystem::directory_iterator(path())) {
      if (!entry.path().string().ends_with(ending)) continue;
      if (found.empty() || entry.file_size() > std::filesystem::file_size(found)) found = entry.path();
    }
    REQUIRE_FALSE(found.empty());
    return found;
  }
};

}  // namespace dht::testing
