// Record: one entry of the memory storage, in one allocation.
//
//   offset  bytes
//   0       8      version
//   8       1      flags: 1 wide lengths, 2 copy_of is there, 4 doomed
//   9       1      key length, where not wide
//   10      2      value length, where not wide
//   12      4 + 4  key length, value length, where wide
//   then    8      copy_of, where there is one
//           8      position, where the key is long
//           n, m   key, value
//
// So an ordinary entry costs 12 bytes besides its key and value. A long key carries its hash position, so that
// rebuilding a piece of the index never reads more than `kLongKeyBytes` of a key.
//
// Thread rule: none of its own; guarded by the partition that owns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <dht/entry.h>
#include <dht/types.h>

namespace dht::storage {

class Record {
 public:
  /// Keys from this length on carry their position.
  static constexpr std::size_t kLongKeyBytes = 128;
  static constexpr std::size_t kMaxValueBytes = 0xffffffff;

  struct Contents {
    std::string_view key;    ///< at most `kMaxKeyBytes`
    std::string_view value;  ///< at most `kMaxValueBytes`
    Version version = 0;
    ClusterId copy_of{};
  };

  struct Deleter {
    void operator()(Record* record) const noexcept;
  };
  using Owner = std::unique_ptr<Record, Deleter>;

  /// Throws std::bad_alloc. `position` is the key's position in the index.
  static Owner make(const Contents& contents, std::uint64_t position);

  /// Whether `overwrite` may be called: the contents take a block of the same size.
  bool can_hold(const Contents& contents) const noexcept;
  /// The key must stay the same, and the contents must not point into this record.
  void overwrite(const Contents& contents, std::uint64_t position) noexcept;

  std::string_view key() const noexcept;
  std::string_view value() const noexcept;
  Version version() const noexcept { return version_; }
  /// Zero where there is none.
  ClusterId copy_of() const noexcept;
  /// Only where the key is long.
  std::optional<std::uint64_t> stored_position() const noexcept;
  /// Key and value, as `StorageStatistics::bytes` counts them.
  std::uint64_t bytes() const noexcept { return key_size() + value_size(); }
  /// Of the block that it lies in.
  std::size_t memory_bytes() const noexcept;

  /// Fetches the first bytes into the processor's caches: of most records that is all.
  void prefetch() const noexcept {
    constexpr std::size_t kLine = 64;
    for (std::size_t offset = 0; offset < 3 * kLine; offset += kLine)
      __builtin_prefetch(block() + offset);
  }

  /// Erased by a batch that is not finished yet.
  bool doomed() const noexcept { return (flags_ & kDoomed) != 0; }
  void set_doomed(bool doomed) noexcept;

 private:
  static constexpr std::uint8_t kWide = 1;
  static constexpr std::uint8_t kHasCopyOf = 2;
  static constexpr std::uint8_t kDoomed = 4;
  static constexpr std::size_t kNarrowHeader = 12;
  static constexpr std::size_t kWideHeader = 20;

  Record() = default;

  static bool needs_wide(const Contents& contents) noexcept;
  static std::size_t block_size(bool wide, bool has_copy_of, std::size_t key_size, std::size_t value_size) noexcept;
  static std::size_t block_size(const Contents& contents) noexcept;
  std::size_t block_size() const noexcept;

  bool wide() const noexcept { return (flags_ & kWide) != 0; }
  bool has_copy_of() const noexcept { return (flags_ & kHasCopyOf) != 0; }
  std::size_t key_size() const noexcept;
  std::size_t value_size() const noexcept;
  std::size_t copy_of_offset() const noexcept { return wide() ? kWideHeader : kNarrowHeader; }
  std::size_t position_offset() const noexcept { return copy_of_offset() + (has_copy_of() ? sizeof(ClusterId) : 0); }
  std::size_t key_offset() const noexcept;

  /// The block that this record is the beginning of.
  const char* block() const noexcept { return reinterpret_cast<const char*>(this); }
  char* block() noexcept { return reinterpret_cast<char*>(this); }

  Version version_ = 0;
  std::uint8_t flags_ = 0;
  std::uint8_t narrow_key_size_ = 0;
  std::uint16_t narrow_value_size_ = 0;
};

}  // namespace dht::storage
