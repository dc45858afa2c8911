#include "byte_size.h"

#include <limits>

#include <doctest/doctest.h>

using dhtd::parse_byte_size;

TEST_CASE("a size is a number of bytes, or of K, M or G in powers of 1024") {
  CHECK(parse_byte_size("0") == 0u);
  CHECK(parse_byte_size("123456789012") == 123456789012u);
  CHECK(parse_byte_size("1K") == 1024u);
  CHECK(parse_byte_size("512m") == 512u * 1024 * 1024);
  CHECK(parse_byte_size("3G") == 3ull * 1024 * 1024 * 1024);
  CHECK(parse_byte_size("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  CHECK(parse_byte_size("17179869183G") == 17179869183ull << 30);
}

TEST_CASE("what is no size, or too large for one, is none") {
  for (const char* text : {"", "K", "-1", "+1", "1.5G", "1KB", "1KK", "1 G", " 1", "1 ", "G1", "0x10", "ten", "1T",
                           "18446744073709551616", "17179869184G"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_byte_size(text));
  }
}
