// Unsigned integers as little-endian bytes, at any alignment.
//
// Thread rule: pure functions.
#pragma once

#include <concepts>
#include <cstddef>

namespace dht::wire {

template <std::unsigned_integral Int>
void put_little_endian(char* to, Int value) noexcept {
  for (std::size_t at = 0; at < sizeof(Int); ++at)
    to[at] = static_cast<char>((value >> (8 * at)) & 0xFF);
}

template <std::unsigned_integral Int>
Int get_little_endian(const char* from) noexcept {
  Int value = 0;
  for (std::size_t at = 0; at < sizeof(Int); ++at) {
    value = static_cast<Int>(value | (static_cast<Int>(static_cast<unsigned char>(from[at])) << (8 * at)));
  }
  return value;
}

}  // namespace dht::wire
