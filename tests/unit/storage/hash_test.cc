#include "base/hash.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace dht::base {
namespace {

std::string random_bytes(std::mt19937_64& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes)
    byte = static_cast<char>(random());
  return bytes;
}

TEST_CASE("equal seeds hash alike and different seeds differently") {
  std::mt19937_64 random(1);
  for (std::size_t size = 0; size < 200; ++size) {
    const std::string bytes = random_bytes(random, size);
    CHECK(SeededHash(5)(bytes) == SeededHash(5)(std::string(bytes)));
    CHECK(SeededHash(5)(bytes) != SeededHash(6)(bytes));
  }
}

TEST_CASE("every byte of a key counts, at every length") {
  const SeededHash hash(1);
  std::mt19937_64 random(2);
  for (std::size_t size = 1; size < 150; ++size) {
    const std::string bytes = random_bytes(random, size);
    for (std::size_t at = 0; at < size; ++at) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      REQUIRE(hash(changed) != hash(bytes));
    }
  }
}

TEST_CASE("the length counts where the bytes are all the same") {
  const SeededHash hash(1);
  std::set<std::uint64_t> seen;
  for (std::size_t size = 0; size < 300; ++size)
    seen.insert(hash(std::string(size, '\0')));
  CHECK(seen.size() == 300);
}

TEST_CASE("neither alignment nor what lies around a key counts") {
  const SeededHash hash(9);
  std::mt19937_64 random(3);
  const std::string bytes = random_bytes(random, 61);
  for (std::size_t offset = 0; offset < 16; ++offset) {
    const std::string frame = random_bytes(random, offset) + bytes + random_bytes(random, 9);
    CHECK(hash(std::string_view(frame).substr(offset, bytes.size())) == hash(bytes));
  }
}

TEST_CASE("keys that count up spread evenly over every byte of the hash") {
  constexpr std::size_t kKeys = 1 << 16;
  const SeededHash hash(4);
  std::array<std::array<std::uint32_t, 256>, 8> counts{};
  for (std::size_t i = 0; i < kKeys; ++i) {
    const std::uint64_t value = hash("user:" + std::to_string(i));
    for (std::size_t byte = 0; byte < 8; ++byte)
      ++counts[byte][(value >> (8 * byte)) & 255];
  }
  // 256 on average with a standard deviation of 16; six deviations are met by chance once in 10^9.
  for (const auto& of_byte : counts) {
    CHECK(*std::ranges::min_element(of_byte) > 256 - 96);
    CHECK(*std::ranges::max_element(of_byte) < 256 + 96);
  }
}

TEST_CASE("one changed input bit changes about half of the hash's bits") {
  const SeededHash hash(11);
  std::mt19937_64 random(5);
  for (const std::size_t size : {1U, 3U, 4U, 8U, 16U, 17U, 48U, 49U, 100U}) {
    double changed_bits = 0;
    int trials = 0;
    for (int round = 0; round < 20; ++round) {
      const std::string bytes = random_bytes(random, size);
      for (std::size_t bit = 0; bit < 8 * size; ++bit, ++trials) {
        std::string changed = bytes;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
        changed_bits += __builtin_popcountll(hash(bytes) ^ hash(changed));
      }
    }
    CHECK(changed_bits / trials > 30);
    CHECK(changed_bits / trials < 34);
  }
}

}  // namespace
}  // namespace dht::base
