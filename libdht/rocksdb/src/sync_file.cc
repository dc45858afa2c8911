#include "sync_file.h"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "layout.h"
#include "open_error.h"

namespace dht::rocks {
namespace {

constexpr std::size_t kBytes = 16;

std::string path_in(const std::string& directory) { return directory + "/synced"; }

/// The number and its checksum, each as eight bytes.
std::string with_checksum(std::uint64_t number) {
  std::string bytes = number_value(number);
  bytes += number_value(base::crc32c(bytes));
  return bytes;
}

bool write_number(const FileHandle& file, std::uint64_t number) {
  const std::string bytes = with_checksum(number);
  ssize_t written = 0;
  do {
    written = ::pwrite(file.number(), bytes.data(), bytes.size(), 0);
  } while (written < 0 && errno == EINTR);
  return written == static_cast<ssize_t>(bytes.size());
}

}  // namespace

std::optional<std::uint64_t> read_sync_file(const std::string& directory) {
  const FileHandle file(::open(path_in(directory).c_str(), O_RDONLY | O_CLOEXEC));
  char bytes[kBytes];
  if (!file || ::pread(file.number(), bytes, kBytes, 0) != static_cast<ssize_t>(kBytes)) return std::nullopt;
  const std::string_view read(bytes, kBytes);
  const std::optional<std::uint64_t> number = parse_number_value(read.substr(0, 8));
  if (!number || with_checksum(*number) != read) return std::nullopt;
  return number;
}

SyncFile::SyncFile(const std::string& directory, std::uint64_t number)
    : file_(::open(path_in(directory).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) {
  if (file_ && write_number(file_, number)) return;
  const int error = errno;
  throw OpenError(system_code(error),
                  fmt::format("The file {} cannot be written: {}. All data is kept. See to it that this user can write "
                              "in the directory and that there is space on the disk.",
                              path_in(directory), std::strerror(error)));
}

void SyncFile::write(std::uint64_t number) noexcept try { write_number(file_, number); } catch (...) {
  // No memory for sixteen bytes: the file stays older.
}

}  // namespace dht::rocks
