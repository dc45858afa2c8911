#include "storage/record.h"

#include <string>

#include <doctest/doctest.h>

#include "allocation_watch.h"

namespace dht::storage {
namespace {

void check_holds(const Record& record, const Record::Contents& contents) {
  CHECK(record.key() == contents.key);
  CHECK(record.value() == contents.value);
  CHECK(record.version() == contents.version);
  CHECK(record.copy_of() == contents.copy_of);
  CHECK(record.bytes() == contents.key.size() + contents.value.size());
}

TEST_CASE("a record holds keys and values of all lengths, with and without copy_of") {
  for (const std::size_t key_size : {0U, 1U, 16U, 127U, 128U, 255U, 256U, 65536U}) {
    for (const std::size_t value_size : {0U, 1U, 100U, 65535U, 65536U, 1000000U}) {
      for (const ClusterId copy_of : {ClusterId{}, ClusterId{0xfedcba9876543210U}}) {
        const std::string key(key_size, 'k');
        const std::string value(value_size, 'v');
        const Record::Contents contents{key, value, 0x1122334455667788U, copy_of};
        const Record::Owner record = Record::make(contents, 42);
        check_holds(*record, contents);
        CHECK_FALSE(record->doomed());
        CHECK(record->stored_position().has_value() == (key_size >= Record::kLongKeyBytes));
        CHECK(record->stored_position().value_or(42) == 42);
      }
    }
  }
}

TEST_CASE("an entry with a key of 16 and a value of 100 bytes takes one block of 128") {
  const std::uint64_t allocations = testing::allocations();
  const std::uint64_t bytes = testing::requested_bytes();
  const std::string key(16, 'k');
  const std::string value(100, 'v');
  const std::uint64_t strings = testing::allocations() - allocations;
  const std::uint64_t string_bytes = testing::requested_bytes() - bytes;
  const Record::Owner record = Record::make({key, value, 1, {}}, 0);
  CHECK(testing::allocations() - allocations - strings == 1);
  CHECK(testing::requested_bytes() - bytes - string_bytes == 128);
}

TEST_CASE("contents of the same block size are written in place, copy_of set and cleared") {
  const Record::Owner record = Record::make({"key", "12345678", 1, {}}, 0);
  CHECK(record->can_hold({"key", "123456789", 2, {}}));
  record->overwrite({"key", "123456789", 2, {}}, 0);
  check_holds(*record, {"key", "123456789", 2, {}});
  REQUIRE(record->can_hold({"key", "1", 3, {77}}));
  record->overwrite({"key", "1", 3, {77}}, 0);
  check_holds(*record, {"key", "1", 3, {77}});
  record->overwrite({"key", "abcdefgh", 4, {}}, 0);
  check_holds(*record, {"key", "abcdefgh", 4, {}});
  CHECK_FALSE(record->can_hold({"key", "0123456789", 5, {}}));
  CHECK_FALSE(record->can_hold({"key", "", 5, {}}));
}

TEST_CASE("dooming a record changes nothing else, and overwriting it ends it") {
  const Record::Owner record = Record::make({"key", "value", 1, {9}}, 0);
  record->set_doomed(true);
  CHECK(record->doomed());
  check_holds(*record, {"key", "value", 1, {9}});
  record->set_doomed(false);
  CHECK_FALSE(record->doomed());
  check_holds(*record, {"key", "value", 1, {9}});
}

}  // namespace
}  // namespace dht::storage
