#include "support/power_cut.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

namespace dht::integration {
namespace {

using Inode = std::pair<std::uint64_t, std::uint64_t>;
using SyncedLengths = std::map<Inode, std::uint64_t>;

SyncedLengths read_journal(const std::filesystem::path& path) {
  SyncedLengths lengths;
  std::ifstream file(path);
  std::string what;
  Inode inode;
  while (file >> what >> inode.first >> inode.second) {
    if (what == "gone") {
      lengths.erase(inode);
      continue;
    }
    std::uint64_t length = 0;
    file >> length;
    lengths[inode] = std::max(lengths[inode], length);
  }
  return lengths;
}

Inode inode_of(const std::filesystem::path& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) throw std::system_error(errno, std::generic_category(), path.string());
  return {found.st_dev, found.st_ino};
}

bool needs_no_sync(const std::string& name) { return name.starts_with("LOG") || name == "LOCK" || name == "synced"; }

}  // namespace

std::filesystem::path PowerCut::journal(std::size_t node) const {
  return journals_ / fmt::format("synced-by-{}", node);
}

std::vector<std::string> PowerCut::launcher(std::size_t node) const {
  const char* const shim = std::getenv("DHT_SYNCED_SHIM");
  if (shim == nullptr) throw std::runtime_error("the environment variable DHT_SYNCED_SHIM must name the shim");
  return {"/usr/bin/env", fmt::format("LD_PRELOAD={}", shim),
          fmt::format("DHT_SYNC_JOURNAL={}", journal(node).string())};
}

PowerCut::Loss PowerCut::cut(std::size_t node, const std::filesystem::path& data, std::mt19937_64& random) const {
  const SyncedLengths lengths = read_journal(journal(node));
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(data))
    if (entry.is_regular_file()) files.push_back(entry.path());
  Loss loss;
  // From now on what is left is as good as synced.
  std::ofstream left(journal(node), std::ios::trunc);
  for (const std::filesystem::path& file : files) {
    const Inode inode = inode_of(file);
    const std::uint64_t size = std::filesystem::file_size(file);
    const bool by_chance = needs_no_sync(file.filename());
    const auto found = lengths.find(inode);
    if (by_chance ? random() % 2 == 0 : found == lengths.end()) {
      std::filesystem::remove(file);
      loss.bytes += by_chance ? 0 : size;
      loss.files += by_chance ? 0 : 1;
      continue;
    }
    std::uint64_t length = by_chance ? size : std::min(size, found->second);
    if (length < size && random() % 4 == 0) length += random() % (size - length);
    if (length < size) std::filesystem::resize_file(file, length);
    loss.bytes += size - length;
    left << "synced " << inode.first << ' ' << inode.second << ' ' << length << '\n';
  }
  return loss;
}

}  // namespace dht::integration
