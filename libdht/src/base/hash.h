// A fast keyed hash of bytes, for tables inside one process.
//
// The construction is that of wyhash (Wang Yi, public domain): 16 bytes at a time go through a 64x64 -> 128-bit
// multiplication whose halves are folded together. Two things differ. All constants are derived from the seed, since
// with known ones a key can be made that turns a factor into zero and so collides under every seed. And nothing is
// promised across processes or versions: results must not be sent or stored.
//
// Thread rule: immutable, usable from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace dht::base {

/// One step of SplitMix64 (Steele, Lea, Flood 2014): moves `state` on and gives a well-mixed word.
constexpr std::uint64_t split_mix(std::uint64_t& state) noexcept {
  state += 0x9e3779b97f4a7c15U;
  std::uint64_t word = state;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9U;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebU;
  return word ^ (word >> 31);
}

class SeededHash {
 public:
  /// Equal seeds give equal hashes within one build. Whoever fears chosen keys takes the seed at random.
  explicit constexpr SeededHash(std::uint64_t seed) noexcept {
    for (std::uint64_t& secret : secrets_)
      secret = split_mix(seed);
  }

  std::uint64_t operator()(std::string_view bytes) const noexcept {
    const char* at = bytes.data();
    const std::size_t size = bytes.size();
    std::uint64_t state = secrets_[0];
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    if (size > 16) {
      state = absorb(at, size, state);
      first = load<std::uint64_t>(at + size - 16);
      second = load<std::uint64_t>(at + size - 8);
    } else if (size >= 4) {
      // Two pairs of words that overlap where the key is shorter than 16, and cover all of it.
      const std::size_t step = (size >> 3) << 2;
      first = pair(at, at + step);
      second = pair(at + size - 4, at + size - 4 - step);
    } else if (size > 0) {
      first = (byte(at[0]) << 16) | (byte(at[size >> 1]) << 8) | byte(at[size - 1]);
    }
    const Product product = multiply(first ^ secrets_[1], second ^ state);
    return fold(product.low ^ secrets_[2] ^ size, product.high ^ secrets_[3]);
  }

 private:
  struct Product {
    std::uint64_t low;
    std::uint64_t high;
  };

  /// All but the last 16 bytes at most, in three lanes that the processor works on at once.
  std::uint64_t absorb(const char* at, std::size_t left, std::uint64_t state) const noexcept {
    if (left > 48) {
      std::uint64_t lane1 = state;
      std::uint64_t lane2 = state;
      do {
        state = fold(load<std::uint64_t>(at) ^ secrets_[1], load<std::uint64_t>(at + 8) ^ state);
        lane1 = fold(load<std::uint64_t>(at + 16) ^ secrets_[2], load<std::uint64_t>(at + 24) ^ lane1);
        lane2 = fold(load<std::uint64_t>(at + 32) ^ secrets_[3], load<std::uint64_t>(at + 40) ^ lane2);
        at += 48;
        left -= 48;
      } while (left > 48);
      state ^= lane1 ^ lane2;
    }
    for (; left > 16; at += 16, left -= 16) {
      state = fold(load<std::uint64_t>(at) ^ secrets_[1], load<std::uint64_t>(at + 8) ^ state);
    }
    return state;
  }

  static Product multiply(std::uint64_t left, std::uint64_t right) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(left) * right;
    return {static_cast<std::uint64_t>(product), static_cast<std::uint64_t>(product >> 64)};
  }
  static std::uint64_t fold(std::uint64_t left, std::uint64_t right) noexcept {
    const Product product = multiply(left, right);
    return product.low ^ product.high;
  }
  template <typename Word>
  static std::uint64_t load(const char* at) noexcept {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
  static std::uint64_t pair(const char* high, const char* low) noexcept {
    return (load<std::uint32_t>(high) << 32) | load<std::uint32_t>(low);
  }
  static std::uint64_t byte(char value) noexcept { return static_cast<unsigned char>(value); }

  std::array<std::uint64_t, 4> secrets_{};
};

}  // namespace dht::base
