// Fixed fields: the form of data messages. Little-endian integers at known places, byte strings behind their length.
//
// Thread rule: none of their own; use one object from one thread at a time.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace dht::wire {

static_assert(std::endian::native == std::endian::little, "the codec copies integers as they lie in memory");

/// Appends to a string that the caller owns.
class FixedWriter {
 public:
  explicit FixedWriter(std::string& out) noexcept : out_(out) {}

  template <typename Number>
  void put(Number number) {
    static_assert(std::is_integral_v<Number> || std::is_enum_v<Number>);
    char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    out_.append(bytes, sizeof number);
  }
  /// A 32-bit length and that many bytes.
  void put_bytes(std::string_view bytes) {
    put(static_cast<std::uint32_t>(bytes.size()));
    out_.append(bytes);
  }

 private:
  std::string& out_;
};

/// Reads whatever the bytes are and never past them: once something is missing, every field is zero or empty and `ok()`
/// is false. Borrows the bytes.
class FixedReader {
 public:
  explicit FixedReader(std::string_view bytes) noexcept : rest_(bytes) {}

  template <typename Number>
  Number get() noexcept {
    static_assert(std::is_integral_v<Number>);
    Number number{};
    const std::string_view bytes = take(sizeof number);
    if (ok_) std::memcpy(&number, bytes.data(), sizeof number);
    return number;
  }
  /// An enumeration whose values run from 0 to `last`.
  template <typename Enum>
  Enum get_enum(Enum last) noexcept {
    const auto number = get<std::underlying_type_t<Enum>>();
    if (number > static_cast<std::underlying_type_t<Enum>>(last)) ok_ = false;
    return ok_ ? static_cast<Enum>(number) : Enum{};
  }
  std::string_view get_bytes() noexcept { return take(get<std::uint32_t>()); }

  /// Ends the reading: the caller has found a field that makes no sense.
  void fail() noexcept { ok_ = false; }

  std::size_t left() const noexcept { return rest_.size(); }
  bool ok() const noexcept { return ok_; }
  /// True where every byte was read and nothing was missing.
  bool complete() const noexcept { return ok_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t size) noexcept {
    if (!ok_ || rest_.size() < size) {
      ok_ = false;
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace dht::wire
