#include "data_dir.h"

#include <stdexcept>

#ifdef DHTD_WITH_ROCKSDB
#include <dht/rocksdb.h>
#endif

namespace dhtd {

std::unique_ptr<dht::Storage> open_data_dir(const Options& options) {
  if (options.max_memory_bytes != 0) {
    throw std::invalid_argument(
        "--max-memory limits what is kept in memory, and with --data-dir nothing is; leave one of the two out");
  }
#ifdef DHTD_WITH_ROCKSDB
  dht::RocksdbOptions rocksdb;
  rocksdb.directory = options.data_dir;
  rocksdb.sync_answers = options.sync_answers;
  rocksdb.cache_bytes = options.cache_bytes;
  return dht::make_rocksdb_storage(std::move(rocksdb));
#else
  throw std::runtime_error(
      "this dhtd was built without RocksDB, so it can keep nothing on disk; leave --data-dir out, or install "
      "librocksdb-dev and build it again");
#endif
}

}  // namespace dhtd
