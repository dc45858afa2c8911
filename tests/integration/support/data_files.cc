#include "support/data_files.h"

#include <fstream>
#include <ios>
#include <iterator>

namespace dht::integration {

std::map<std::string, std::string> files_in(const std::filesystem::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path().filename()] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

void write_file(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

std::size_t damage_tables(const std::filesystem::path& directory, std::size_t every_bytes) {
  std::size_t tables = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".sst") continue;
    ++tables;
    const auto size = static_cast<std::size_t>(entry.file_size());
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    for (std::size_t at = every_bytes / 2; at < size; at += every_bytes) {
      file.seekg(static_cast<std::streamoff>(at));
      const char byte = static_cast<char>(file.get());
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(byte ^ 0x10));
    }
  }
  return tables;
}

}  // namespace dht::integration
