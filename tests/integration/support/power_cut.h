// What a failure of the whole machine leaves of a node's files: of each as much as was synced. The node runs with
// shim/synced_shim.cc, which writes that down; after its process was killed the rest is taken away here.
//
// A file that was never synced is lost. Those that need no sync, by design, are there or not, by chance: RocksDB's LOG
// and LOCK, and `synced` (rocksdb/src/sync_file.h). Of what was written behind the last sync a part may be there.
//
// What is not undone: names. A file that was renamed or removed stays so, even before its directory is synced.
//
// Thread rule: the main thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace dht::integration {

class PowerCut {
 public:
  /// The journals of nodes are kept in that folder, which is not one of theirs.
  explicit PowerCut(std::filesystem::path journals) : journals_(std::move(journals)) {}

  /// A program that becomes the node, with the shim; that is named by the environment variable DHT_SYNCED_SHIM.
  std::vector<std::string> launcher(std::size_t node) const;
  /// To be called when the process has ended: how many bytes, and files, are gone.
  struct Loss {
    std::uint64_t bytes = 0;
    std::size_t files = 0;
  };
  Loss cut(std::size_t node, const std::filesystem::path& data, std::mt19937_64& random) const;

 private:
  std::filesystem::path journal(std::size_t node) const;

  const std::filesystem::path journals_;
};

}  // namespace dht::integration
