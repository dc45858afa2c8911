// Opening RocksDB's files, and finding out first whether they are whole.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <rocksdb/db.h>

#include "open_error.h"
#include "tuning.h"

namespace dht::rocks {

/// What has become of the files: a database that is opened for writing moves its log into other files.
enum class Kept : unsigned char { as_they_were, all_that_is_readable };

/// The number of the last sync that the database knows of. Throws OpenError where the database cannot tell.
std::uint64_t mark_in(rocksdb::DB& database, const std::string& directory, Kept kept);

/// Throws OpenError where the database lacks what was synced, or is damaged in another way that shows. Only looks:
/// opening it for writing would leave out what lies behind a damage for good.
void check_whole(const std::string& directory, std::uint64_t synced, const Tuning& tuning);

/// Throws OpenError.
std::unique_ptr<rocksdb::DB> open_rocks(const std::string& directory, const rocksdb::Options& options);

/// What to throw for a database that cannot be opened.
OpenError cannot_open(const std::string& directory, const rocksdb::Status& status, Kept kept);

}  // namespace dht::rocks
