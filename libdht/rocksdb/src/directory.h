// The directory: whether it is ours, in which format, and founding it.
//
// Implementations: this one.
//
// Thread rule: one thread; another process may do the same at the same time.
#pragma once

#include <string>

namespace dht::rocks {

enum class DirectoryState : unsigned char {
  founded,  ///< ours, without a database yet
  used,     ///< ours, with a database
};

/// Accepts a directory that is ours, and makes an empty one, or none, ours. Throws OpenError for any other, which is
/// then as it was before.
DirectoryState prepare_directory(const std::string& directory);

/// Makes what was created in the directory survive a crash of the machine. Throws OpenError.
void sync_directory(const std::string& directory);

}  // namespace dht::rocks
