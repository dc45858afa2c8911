#include "base/sip_hash.h"

#include <cstdint>
#include <string>

#include <doctest/doctest.h>

namespace dht::base {

TEST_CASE("SipHash-2-4 gives what its authors' reference gives") {
  // Their key is the bytes 0 to 15, their inputs the first n of 0, 1, 2, ...
  const auto hash = [](std::size_t size) {
    SipHash sip(0x0706050403020100U, 0x0f0e0d0c0b0a0908U);
    std::string input;
    for (std::size_t i = 0; i < size; ++i)
      input.push_back(static_cast<char>(i));
    sip.add(input);
    return sip.finish();
  };
  CHECK(hash(0) == 0x726fdb47dd0e0e31U);
  CHECK(hash(1) == 0x74f839c593dc67fdU);
  CHECK(hash(8) == 0x93f5f5799a932462U);
  CHECK(hash(15) == 0xa129ca6149be45e5U);
}

TEST_CASE("a number is its bytes, the lowest first") {
  SipHash number(1, 2);
  number.add(std::uint64_t{0x6867666564636261U});
  SipHash bytes(1, 2);
  bytes.add("abcdefgh");
  CHECK(number.finish() == bytes.finish());
}

}  // namespace dht::base
