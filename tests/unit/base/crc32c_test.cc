#include "base/crc32c.h"

#include <random>
#include <string>

#include <doctest/doctest.h>

namespace dht::base {
namespace {

TEST_CASE("CRC32C gives the values of RFC 3720, B.4") {
  CHECK(crc32c("") == 0u);
  CHECK(crc32c("123456789") == 0xE3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  CHECK(crc32c(std::string(32, '\xFF')) == 0x62A8AB43u);
  std::string ascending(32, '\0');
  for (std::size_t at = 0; at < ascending.size(); ++at)
    ascending[at] = static_cast<char>(at);
  CHECK(crc32c(ascending) == 0x46DD794Eu);
}

TEST_CASE("the table and the instruction agree at every length and split") {
  std::mt19937_64 random(3);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random());
    const std::uint32_t whole = crc32c(bytes);
    CHECK(extend_crc32c_by_table(0, bytes) == whole);
    const std::size_t split = random() % (size + 1);
    CHECK(extend_crc32c(crc32c(bytes.substr(0, split)), bytes.substr(split)) == whole);
    CHECK(extend_crc32c_by_table(extend_crc32c_by_table(0, bytes.substr(0, split)), bytes.substr(split)) == whole);
  }
}

}  // namespace
}  // namespace dht::base
