// SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), for what two machines must reckon
// alike and nobody shall be able to collide on purpose. The same everywhere and for ever: results may be sent and
// stored.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dht::base {

class SipHash {
 public:
  SipHash(std::uint64_t key0, std::uint64_t key1) noexcept
      : v0_(key0 ^ 0x736f6d6570736575U),
        v1_(key1 ^ 0x646f72616e646f6dU),
        v2_(key0 ^ 0x6c7967656e657261U),
        v3_(key1 ^ 0x7465646279746573U) {}

  void add(std::string_view bytes) noexcept {
    for (; size_ % 8 == 0 && bytes.size() >= 8; bytes.remove_prefix(8)) {
      take(little_endian(bytes));
      size_ += 8;
    }
    for (const char byte : bytes)
      add_byte(static_cast<unsigned char>(byte));
  }
  /// As its eight bytes, the lowest first.
  void add(std::uint64_t number) noexcept {
    for (unsigned shift = 0; shift < 64; shift += 8)
      add_byte(static_cast<unsigned char>(number >> shift));
  }
  /// Ends the hash.
  std::uint64_t finish() noexcept {
    const std::uint64_t last = word_ | (size_ << 56);
    take(last);
    v2_ ^= 0xff;
    for (int i = 0; i < 4; ++i)
      round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  /// Of the first eight bytes.
  static std::uint64_t little_endian(std::string_view bytes) noexcept {
    std::uint64_t word = 0;
    for (unsigned i = 0; i < 8; ++i)
      word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    return word;
  }
  void add_byte(unsigned char byte) noexcept {
    word_ |= std::uint64_t{byte} << (8 * (size_ % 8));
    if (++size_ % 8 != 0) return;
    take(word_);
    word_ = 0;
  }
  void take(std::uint64_t word) noexcept {
    v3_ ^= word;
    round();
    round();
    v0_ ^= word;
  }
  void round() noexcept {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_;
  std::uint64_t v1_;
  std::uint64_t v2_;
  std::uint64_t v3_;
  std::uint64_t word_ = 0;
  std::uint64_t size_ = 0;
};

inline std::uint64_t sip_hash(std::uint64_t key0, std::uint64_t key1, std::string_view bytes) noexcept {
  SipHash hash(key0, key1);
  hash.add(bytes);
  return hash.finish();
}

}  // namespace dht::base
