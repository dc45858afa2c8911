// Fixed fields: the form of data messages. Little-endian integers at known places, byte strings behind their length.
//
// Thread rule: none of their own; use one object from one thread at a time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/assert.h"

namespace dht::wire {

static_assert(std::endian::native == std::endian::little, "the codec copies integers as they lie in memory");

/// Counts what a FixedWriter would write.
class FixedCounter {
 public:
  template <typename Number>
  void put(Number) noexcept {
    size_ += sizeof(Number);
  }
  void put_bytes(std::string_view bytes) noexcept { size_ += sizeof(std::uint32_t) + bytes.size(); }
  void put_raw(std::string_view bytes) noexcept { size_ += bytes.size(); }

  std::size_t size() const noexcept { return size_; }

 private:
  std::size_t size_ = 0;
};

/// Fills memory that the caller owns and has made large enough.
class FixedWriter {
 public:
  FixedWriter(char* to, std::size_t size) noexcept : at_(to), end_(to + size) {}

  template <typename Number>
  void put(Number number) noexcept {
    static_assert(std::is_integral_v<Number> || std::is_enum_v<Number>);
    DHT_ASSERT(left() >= sizeof number);
    std::memcpy(at_, &number, sizeof number);
    at_ += sizeof number;
  }
  /// A 32-bit length and that many bytes.
  void put_bytes(std::string_view bytes) noexcept {
    put(static_cast<std::uint32_t>(bytes.size()));
    put_raw(bytes);
  }
  void put_raw(std::string_view bytes) noexcept {
    DHT_ASSERT(left() >= bytes.size());
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }

  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

 private:
  char* at_;
  char* end_;
};

/// `fields(out)` puts all fields of a message; it is called twice, to count them and to write them.
template <typename Fields>
std::string encode_fixed(Fields fields) {
  FixedCounter counter;
  fields(counter);
  std::string bytes(counter.size(), '\0');
  FixedWriter out(bytes.data(), bytes.size());
  fields(out);
  DHT_ASSERT(out.left() == 0);
  return bytes;
}

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

  void skip(std::size_t size) noexcept { take(size); }

  /// Ends the reading: the caller has found a field that makes no sense.
  void fail() noexcept { ok_ = false; }

  std::size_t left() const noexcept { return rest_.size(); }
  std::string_view rest() const noexcept { return rest_; }
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

/// The same in memory of the calling thread, until its next call with a `write` of that type.
template <typename Write>
std::string_view encode_fixed_briefly(Write write) {
  constexpr std::size_t kLeastKept = 4 * 1024;
  constexpr std::size_t kMostKept = 256 * 1024;
  thread_local std::unique_ptr<char[]> memory;
  thread_local std::size_t capacity = 0;
  FixedCounter counter;
  write(counter);
  const std::size_t size = counter.size();
  if (size > capacity || capacity > kMostKept) {
    capacity = std::max(size, kLeastKept);
    memory = std::make_unique_for_overwrite<char[]>(capacity);
  }
  FixedWriter out(memory.get(), size);
  write(out);
  DHT_ASSERT(out.left() == 0);
  return {memory.get(), size};
}

/// Empty where the bytes were not exactly one such message.
template <typename Message>
std::optional<Message> checked(Message message, const FixedReader& in) {
  if (!in.complete()) return std::nullopt;
  return message;
}

}  // namespace dht::wire
