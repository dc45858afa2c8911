#include "directory.h"

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <dht/error.h>

#include "file_handle.h"
#include "layout.h"
#include "open_error.h"

namespace dht::rocks {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormatFile = "format";
constexpr std::string_view kNewFormatFile = "format.new";
constexpr std::string_view kFormatWord = "dht-rocksdb ";

OpenError cannot_use(const std::string& directory, int error) {
  return {system_code(error),
          fmt::format("The directory {} cannot be used for data: {}. Nothing was changed. See to it that the directory "
                      "can be created and written by this user, or name another one.",
                      directory, std::strerror(error))};
}

std::vector<std::string> names_in(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    names.push_back(at->path().filename().string());
  if (error) throw cannot_use(directory, error.value());
  return names;
}

/// Left by a founding that was interrupted, or put there by the file system.
bool counts_as_empty(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name != kNewFormatFile && name != "lost+found") return false;
  }
  return true;
}

std::optional<std::uint32_t> read_format(const std::string& directory) {
  std::ifstream file(fs::path(directory) / kFormatFile);
  std::string line;
  if (!std::getline(file, line) || !line.starts_with(kFormatWord)) return std::nullopt;
  std::uint32_t number = 0;
  const char* const end = line.data() + line.size();
  const auto [at, error] = std::from_chars(line.data() + kFormatWord.size(), end, number);
  if (error != std::errc{} || at != end) return std::nullopt;
  return number;
}

void check_format(const std::string& directory) {
  const std::optional<std::uint32_t> format = read_format(directory);
  if (!format) {
    throw OpenError(Errc::corrupt,
                    fmt::format("The file {}/format is damaged, or not of this program. Nothing was changed. Restore "
                                "it, or name another directory.",
                                directory));
  }
  if (*format <= kFormat) return;
  throw OpenError(Errc::incompatible,
                  fmt::format("The data in {} has format {}, and this version knows up to {}. Nothing was changed. Use "
                              "the later version that wrote it, or name another directory.",
                              directory, *format, kFormat));
}

/// A database whose file CURRENT is lost would be taken for none, and a new one would bury it.
DirectoryState state_of(const std::string& directory, const std::vector<std::string>& names) {
  bool has_data = false;
  for (const std::string& name : names) {
    if (name == "CURRENT") return DirectoryState::used;
    has_data = has_data || name.ends_with(".sst") || name == "synced";
  }
  if (!has_data) return DirectoryState::founded;
  throw OpenError(Errc::corrupt,
                  fmt::format("The file {}/CURRENT is missing, but there is data. Nothing was changed. Restore the "
                              "directory from a copy, or empty it: the node then fetches its entries from the others.",
                              directory));
}

void write_format(const std::string& directory) {
  const std::string made = (fs::path(directory) / kNewFormatFile).string();
  const std::string line = fmt::format("{}{}\n", kFormatWord, kFormat);
  const FileHandle file(::open(made.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file || ::write(file.number(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
      ::fsync(file.number()) != 0 || ::rename(made.c_str(), (fs::path(directory) / kFormatFile).c_str()) != 0) {
    const int error = errno;
    ::unlink(made.c_str());
    throw cannot_use(directory, error);
  }
  sync_directory(directory);
}

}  // namespace

void sync_directory(const std::string& directory) {
  const FileHandle handle(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle || ::fsync(handle.number()) != 0) throw cannot_use(directory, errno);
}

DirectoryState prepare_directory(const std::string& directory) {
  if (directory.empty()) throw OpenError(system_code(ENOENT), "No directory was named for the data. Name one.");
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw cannot_use(directory, error.value());
  const std::vector<std::string> names = names_in(directory);
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) throw cannot_use(directory, errno);
  for (const std::string& name : names) {
    if (name != kFormatFile) continue;
    check_format(directory);
    return state_of(directory, names);
  }
  if (!counts_as_empty(names)) {
    throw OpenError(Errc::incompatible,
                    fmt::format("The directory {} is not empty, and what is in it is not the data of a node. Nothing "
                                "was changed. Name an empty directory, or one that does not exist yet.",
                                directory));
  }
  write_format(directory);
  return DirectoryState::founded;
}

}  // namespace dht::rocks
