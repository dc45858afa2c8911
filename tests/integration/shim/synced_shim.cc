// Preloaded into a process: writes down which of its files it has synced, and how far, for a test that afterwards takes
// away all the rest, as the machine's failure would. A killed process alone loses nothing: its system keeps what was
// written.
//
// The journal, DHT_SYNC_JOURNAL, is a file outside of what is watched, and itself survives the process in the same way.
// Its lines: "synced DEVICE INODE LENGTH" after a sync, with the length from before it; "gone DEVICE INODE" where the
// inode's last name was removed, so that another file with the same number is not taken for it. Files are known by
// their inode, so that they may be renamed.
//
// What does not count as a sync: sync_file_range, which promises nothing for after a failure. Not watched, since
// RocksDB does not use them here: msync, syncfs, O_SYNC.
//
// Thread rule: any thread; a line is one write.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int journal() {
  static const int file = [] {
    const char* const path = std::getenv("DHT_SYNC_JOURNAL");
    return path == nullptr ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  }();
  return file;
}

void note(const char* what, const struct stat& file, bool with_length) {
  char line[128];
  const auto device = static_cast<std::uint64_t>(file.st_dev);
  const auto inode = static_cast<std::uint64_t>(file.st_ino);
  const auto length = static_cast<std::uint64_t>(file.st_size);
  const int size = with_length ? std::snprintf(line, sizeof line, "%s %ju %ju %ju\n", what, device, inode, length)
                               : std::snprintf(line, sizeof line, "%s %ju %ju\n", what, device, inode);
  // A sync that nobody could write down must not be believed by anybody.
  if (write(journal(), line, static_cast<std::size_t>(size)) != size) std::abort();
}

/// Calls the system's own function, and notes its success.
int sync_and_note(int (*sync)(int), int file) {
  struct stat before {};
  const bool is_known = fstat(file, &before) == 0 && S_ISREG(before.st_mode);
  const int result = sync(file);
  if (result == 0 && is_known) note("synced", before, true);
  return result;
}

}  // namespace

extern "C" {

int fsync(int file) {
  static auto* const real = next<int(int)>("fsync");
  return sync_and_note(real, file);
}

int fdatasync(int file) {
  static auto* const real = next<int(int)>("fdatasync");
  return sync_and_note(real, file);
}

int unlink(const char* path) noexcept {
  static auto* const real = next<int(const char*)>("unlink");
  struct stat before {};
  const bool is_last = stat(path, &before) == 0 && before.st_nlink == 1;
  const int result = real(path);
  if (result == 0 && is_last) note("gone", before, false);
  return result;
}

int rename(const char* from, const char* to) noexcept {
  static auto* const real = next<int(const char*, const char*)>("rename");
  struct stat before {};
  const bool is_last = stat(to, &before) == 0 && before.st_nlink == 1;
  const int result = real(from, to);
  if (result == 0 && is_last) note("gone", before, false);
  return result;
}

}  // extern "C"
