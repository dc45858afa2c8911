// Varints: unsigned numbers in as few bytes as they need, seven bits a byte, the lowest first; the top bit of a byte
// says that another follows (LEB128).
//
// Thread rule: plain functions on the caller's data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dht::wire {

/// The longest varint: 64 bits by seven a byte.
inline constexpr std::size_t kMaxVarintBytes = 10;

inline void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

/// Takes one varint off the front of `bytes`. False where they end inside it or it does not fit 64 bits; `bytes` and
/// `value` are then as they were.
inline bool take_varint(std::string_view& bytes, std::uint64_t& value) noexcept {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < bytes.size() && i < kMaxVarintBytes; ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    if (i + 1 == kMaxVarintBytes && byte > 1) return false;
    result |= std::uint64_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      value = result;
      return true;
    }
  }
  return false;
}

}  // namespace dht::wire
