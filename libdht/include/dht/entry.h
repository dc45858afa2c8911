// What the table holds, and what is asked of it.
//
// Thread rule: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <dht/types.h>

namespace dht {

inline constexpr std::size_t kMaxKeyBytes = 64 * 1024;
inline constexpr std::size_t kDefaultMaxValueBytes = 1024 * 1024;

/// The bytes of a value, owned.
class Value {
 public:
  Value() = default;
  explicit Value(std::string bytes) noexcept : bytes_(std::move(bytes)) {}
  explicit Value(std::string_view bytes) : bytes_(bytes) {}

  std::string_view view() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return bytes_.size(); }
  /// Gives the bytes away and leaves this value empty.
  std::string release() && noexcept { return std::exchange(bytes_, {}); }
  bool operator==(const Value&) const = default;

 private:
  std::string bytes_;
};

/// An entry as a reader sees it.
struct Entry {
  Value value{};
  Version version = 0;

  bool operator==(const Entry&) const = default;
};

/// What must hold of the entry at the moment of the write, atomically, across the whole cluster.
struct Precondition {
  enum class Kind : std::uint8_t {
    none,     ///< write in any case
    absent,   ///< the key must not exist
    present,  ///< the key must exist
    version,  ///< the key must exist with exactly `version`
  };
  Kind kind = Kind::none;
  Version version = 0;

  static Precondition absent() { return {Kind::absent, 0}; }
  static Precondition present() { return {Kind::present, 0}; }
  static Precondition matches(Version version) { return {Kind::version, version}; }
  /// `existing` is the version of the entry that is there, zero where there is none.
  bool holds(Version existing) const noexcept {
    switch (kind) {
      case Kind::none:
        return true;
      case Kind::absent:
        return existing == 0;
      case Kind::present:
        return existing != 0;
      case Kind::version:
        return existing != 0 && existing == version;
    }
    return false;
  }
  bool operator==(const Precondition&) const = default;
};

/// What a write did.
struct WriteResult {
  Version version = 0;   ///< put: the version that the entry has now; erase: zero
  bool existed = false;  ///< whether the key existed before

  bool operator==(const WriteResult&) const = default;
};

}  // namespace dht
