// A folder of its own for one test, removed at its end.
//
// Under DHT_TEST_DATA, or the system's temporary folder: on a disk, where what is tested is a disk.
//
// Thread rule: none of its own.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace dht::integration {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    const char* const chosen = std::getenv("DHT_TEST_DATA");
    const std::filesystem::path parent = chosen != nullptr ? chosen : std::filesystem::temp_directory_path();
    std::string name = (parent / "dht-integration-data-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace dht::integration
