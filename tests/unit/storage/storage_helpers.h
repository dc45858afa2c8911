// What the tests of the memory storage share: short calls, hashes that collide, keys of all kinds.
//
// Thread rule: plain functions and values.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/storage.h>

#include "storage/key_hash.h"

namespace dht::testing {

using Model = std::map<std::string, StoredEntry>;

/// The hash of eight key bytes is the number they spell, the first byte most significant; shorter keys end in zeros,
/// and bytes after the eighth do not count. So a test places keys where it likes, and makes them collide.
class SpelledHash final : public storage::KeyHash {
 public:
  std::uint64_t operator()(std::string_view key) const noexcept override {
    std::uint64_t position = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      position = (position << 8) | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0U);
    }
    return position;
  }
};

/// A seeded hash of which only the bits in `mask` are left.
class MaskedHash final : public storage::KeyHash {
 public:
  explicit MaskedHash(std::uint64_t mask) noexcept : mask_(mask) {}
  std::uint64_t operator()(std::string_view key) const noexcept override { return hash_(key) & mask_; }

 private:
  storage::SeededKeyHash hash_{7};
  std::uint64_t mask_;
};

inline std::string spelled(std::uint64_t position) {
  std::string key(8, '\0');
  for (std::size_t i = 0; i < 8; ++i)
    key[i] = static_cast<char>(position >> (56 - 8 * i));
  return key;
}

inline StorageChange put_of(std::string_view key, std::string_view value, Version version, ClusterId copy_of = {}) {
  return {StorageChange::Kind::put, key, value, version, copy_of};
}

inline StorageChange erase_of(std::string_view key) { return {StorageChange::Kind::erase, key, {}, 0, {}}; }

inline std::error_code apply_to(PartitionStorage& partition, std::span<const StorageChange> changes) {
  const std::optional<StorageWritten> written = partition.apply(changes, {}, nullptr);
  REQUIRE(written);
  return written->error;
}

inline void put(PartitionStorage& partition, std::string_view key, std::string_view value, Version version = 1,
                ClusterId copy_of = {}) {
  const StorageChange change = put_of(key, value, version, copy_of);
  REQUIRE_FALSE(apply_to(partition, {&change, 1}));
}

inline void erase(PartitionStorage& partition, std::string_view key) {
  const StorageChange change = erase_of(key);
  REQUIRE_FALSE(apply_to(partition, {&change, 1}));
}

inline std::optional<StoredEntry> get(PartitionStorage& partition, std::string_view key) {
  const std::optional<StorageRead> read = partition.get(key, nullptr);
  REQUIRE(read);
  REQUIRE_FALSE(read->error);
  return read->entry;
}

inline ScanChunk scan(PartitionStorage& partition, ScanCursor from, std::size_t max_bytes) {
  std::optional<StorageScanned> scanned = partition.scan(from, max_bytes, nullptr);
  REQUIRE(scanned);
  REQUIRE_FALSE(scanned->error);
  return std::move(scanned->chunk);
}

/// Everything, by a scan in chunks; fails where a key comes twice.
inline Model contents(PartitionStorage& partition, std::size_t max_bytes = 4096) {
  Model all;
  for (ScanCursor at = 0; at != kScanEnd;) {
    ScanChunk chunk = scan(partition, at, max_bytes);
    REQUIRE((chunk.next == kScanEnd || chunk.next > at));
    at = chunk.next;
    for (ScannedEntry& entry : chunk.entries) {
      REQUIRE(all.emplace(std::move(entry.key), std::move(entry.entry)).second);
    }
  }
  return all;
}

inline StorageStatistics statistics_of(const Model& model) {
  StorageStatistics statistics;
  for (const auto& [key, entry] : model)
    statistics += {1, key.size() + entry.value.size()};
  return statistics;
}

/// Does to the model what the change does to a storage.
inline void apply_to(Model& model, const StorageChange& change) {
  if (change.kind == StorageChange::Kind::erase) {
    model.erase(std::string(change.key));
  } else {
    model[std::string(change.key)] = {Value(change.value), change.version, change.copy_of};
  }
}

/// The bytes of key number `number`: the same at each call; empty, short, binary, long and of 64 KiB.
inline std::string key_number(std::uint64_t number) {
  constexpr std::size_t kLengths[] = {0, 1, 3, 4, 8, 15, 16, 17, 47, 48, 49, 100, 127, 128, 129, 255, 256, 1000, 65536};
  std::mt19937_64 random(number);
  const bool rare = random() % 64 == 0;
  std::string key(rare ? kLengths[random() % std::size(kLengths)] : 4 + random() % 20, '\0');
  for (char& byte : key)
    byte = static_cast<char>(random());
  if (key.size() >= 8) std::memcpy(key.data() + key.size() - 8, &number, 8);
  return key;
}

}  // namespace dht::testing
