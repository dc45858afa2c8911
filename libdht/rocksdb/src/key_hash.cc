#include "key_hash.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include <dht/storage.h>

namespace dht::rocks {
namespace {

struct SipState {
  std::uint64_t v0;
  std::uint64_t v1;
  std::uint64_t v2;
  std::uint64_t v3;

  void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) noexcept {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

/// Up to eight bytes, the first least significant, whatever the machine.
std::uint64_t little_endian(std::string_view bytes) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return word;
}

}  // namespace

std::uint64_t sip_hash(std::uint64_t key0, std::uint64_t key1, std::string_view bytes) noexcept {
  SipState state{key0 ^ 0x736f6d6570736575U, key1 ^ 0x646f72616e646f6dU, key0 ^ 0x6c7967656e657261U,
                 key1 ^ 0x7465646279746573U};
  const std::uint64_t size = std::uint64_t{bytes.size()} << 56;
  for (; bytes.size() >= 8; bytes.remove_prefix(8))
    state.absorb(little_endian(bytes.substr(0, 8)));
  state.absorb(size | little_endian(bytes));
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i)
    state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::uint64_t hash_on_disk(ClusterId cluster, std::string_view key) noexcept {
  constexpr std::uint64_t kSecondKey = 0x6c69626468742d31U;  // any number does, but always the same
  return std::min(sip_hash(cluster.value, kSecondKey, key), kScanEnd - 1);
}

}  // namespace dht::rocks
