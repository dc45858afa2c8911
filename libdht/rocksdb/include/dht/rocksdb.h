// The durable storage: entries in a directory on disk, kept by RocksDB. A library of its own, dht-rocksdb, so that
// programs without it need no RocksDB.
//
// What is in the directory: RocksDB's files; `format`, the number of the layout; `synced`, how far the log was synced,
// so that a log damaged afterwards is noticed. One process uses a directory at a time.
//
// Implementations: the one that `make_rocksdb_storage` returns.
//
// Thread rule: the function may be called from any thread; what it returns keeps the rule of dht/storage.h. Reads that
// need the disk, scans and syncs complete on threads of the storage's own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <dht/storage.h>

namespace dht {

struct RocksdbOptions {
  /// Created where it is not there. One with other things in it is refused.
  std::string directory{};
  /// Whether `SyncFor::answer` waits for the disk. Otherwise what was answered survives the end of the process, however
  /// that comes, but not that of the machine.
  bool sync_answers = true;
  /// For blocks of entries, and for what finds them in the files. Up to 96 MiB more hold what was written last.
  std::uint64_t cache_bytes = std::uint64_t{256} << 20;
  /// How many reads may wait for the disk at once.
  unsigned read_threads = 2;
};

/// Opens the storage, or founds it. Throws std::system_error whose what() is a sentence that says what happened, what
/// was kept and what to do: Errc::corrupt for damaged data, Errc::incompatible for the directory of a later version or
/// of another program, Errc::conflict where another process uses it, and else the system's code. A directory that is
/// refused is left as it was.
std::unique_ptr<Storage> make_rocksdb_storage(RocksdbOptions options);

}  // namespace dht
