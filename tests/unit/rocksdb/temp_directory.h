// TempDirectory: a directory of its own for one test, removed at its end.
//
// Thread rule: none of its own.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>

#include <doctest/doctest.h>

namespace dht::testing {

class TempDirectory {
 public:
  TempDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "dht-rocksdb-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  /// Where a storage is, one level below: so that it has to create its directory.
  std::string data() const { return (path_ / "data").string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace dht::testing
