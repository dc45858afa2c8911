// TempDirectory: a directory of its own for one test, removed at its end.
//
// Under DHT_TEST_DATA, or the system's directory for such: on a disk, where what is tested is a disk.
//
// Thread rule: none of its own.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace dht::testing {

class TempDirectory {
 public:
  TempDirectory() {
    const char* const chosen = std::getenv("DHT_TEST_DATA");
    const std::filesystem::path parent = chosen != nullptr ? chosen : std::filesystem::temp_directory_path();
    std::string name = (parent / "dht-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace dht::testing
