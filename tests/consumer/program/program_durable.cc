// What a program does that keeps its entries on disk: a storage in a directory, and what a later one finds there.
#include <cstdlib>
#include <filesystem>
#include <future>
#include <optional>
#include <string>

#include <dht/rocksdb.h>

namespace {

bool write_into(const std::string& directory) {
  const auto storage = dht::make_rocksdb_storage({.directory = directory});
  const auto partition = storage->open(dht::ClusterId{1}, 0);
  const dht::StorageChange change{.key = "key", .value = "value", .version = 1};
  if (!partition->apply({&change, 1}, "state", nullptr)) return false;
  std::promise<bool> synced;
  const auto handler = [&synced](dht::StorageWritten written) { synced.set_value(!written.error); };
  const std::optional<dht::StorageWritten> at_once = partition->sync(dht::SyncFor::role, handler);
  return at_once ? !at_once->error : synced.get_future().get();
}

bool is_found_in(const std::string& directory) {
  const auto storage = dht::make_rocksdb_storage({.directory = directory});
  const auto partition = storage->open(dht::ClusterId{1}, 0);
  return partition->statistics().entries == 1 && partition->state() == "state" && storage->stored().size() == 1;
}

}  // namespace

int main() {
  std::string directory = (std::filesystem::temp_directory_path() / "dht-program-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) return 1;
  const bool all_well = write_into(directory) && is_found_in(directory);
  std::filesystem::remove_all(directory);
  return all_well ? 0 : 1;
}
