// SyncFile: the file `synced`, which says how far the log was synced when that was written.
//
// Why: after a crash of the machine the end of the log is torn, and what lies behind the tear was never confirmed. So
// recovery stops there without a word. A byte that flips in the log later looks the same, but then what lies behind was
// confirmed, and leaving it out would be a loss that nobody notices. To tell the two apart each sync is numbered: the
// number goes into the log as the last write before the sync, and into this file after it. A log in which a lower
// number is found at the start than in this file has lost confirmed writes.
//
// The file is never synced itself, and so may be older than the truth, never ahead of it: then a damage behind its
// number is not noticed, which only happens where the machine crashed, too. For the same reason a file that is missing,
// short or garbled says nothing and refuses nothing: a crash of the machine can leave it so next to a log that is fine,
// and a good directory must open. Its number is behind a checksum, so that garbage is not taken for one. An orderly
// close needs nothing: it syncs, and writes the number, as always.
//
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "file_handle.h"

namespace dht::rocks {

/// The number in that directory's file. Nothing where it cannot be told.
std::optional<std::uint64_t> read_sync_file(const std::string& directory);

class SyncFile {
 public:
  /// Opens it for writing, and makes room for the number on the disk. Throws OpenError.
  SyncFile(const std::string& directory, std::uint64_t number);
  /// After a sync, never before. That it fails is not told: what is on disk then is older, which it may always be.
  void write(std::uint64_t number) noexcept;

 private:
  FileHandle file_;
};

}  // namespace dht::rocks
