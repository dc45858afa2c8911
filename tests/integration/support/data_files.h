// The files of a node's data directory: looked at, and damaged, behind its back.
//
// Thread rule: none of its own.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace dht::integration {

/// The content of each file, by its name.
std::map<std::string, std::string> files_in(const std::filesystem::path& directory);
void write_file(const std::filesystem::path& file, std::string_view bytes);
/// Flips a bit in every so many bytes of each file of entries, and says how many files there were.
std::size_t damage_tables(const std::filesystem::path& directory, std::size_t every_bytes);

}  // namespace dht::integration
