// The layout on disk: it must never change by chance, since old directories hold it.
#include "layout.h"

#include <string>

#include <doctest/doctest.h>

#include "key_hash.h"

namespace dht::rocks {
namespace {

using namespace std::string_literals;

TEST_CASE("the keys and values on disk are these bytes") {
  const StoredPartition partition{ClusterId{0x0102030405060708U}, 0x0a0b0c0d};
  const std::string prefix = "\x01\x02\x03\x04\x05\x06\x07\x08\x0a\x0b\x0c\x0d";
  CHECK(partition_key(partition) == "p" + prefix);
  CHECK(entries_from(partition, 0x1112131415161718U) == "e" + prefix + "\x11\x12\x13\x14\x15\x16\x17\x18");
  const std::string key = entry_key(partition, "key");
  CHECK(key.starts_with("e" + prefix));
  CHECK(key.substr(kEntryPrefixBytes) == "key");
  CHECK(hash_in(key) == hash_on_disk(partition.cluster, "key"));
  CHECK(hash_in(key) == 12022337314914341666U);
  CHECK(node_key("name") == "nname");
  CHECK(entry_value("v", 0x21, {}) == "\0\0\0\0\0\0\0\0\x21v"s);
  CHECK(entry_value("v", 0x21, ClusterId{2}) == "\1\0\0\0\0\0\0\0\x21\0\0\0\0\0\0\0\2v"s);
  CHECK(partition_value({1, 2}, "s") == "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2s"s);
}

TEST_CASE("what is written is read back") {
  const StoredPartition partition{ClusterId{~std::uint64_t{0}}, ~PartitionId{0}};
  CHECK(parse_partition_key(partition_key(partition)) == partition);
  for (const ClusterId copy_of : {ClusterId{}, ClusterId{7}}) {
    const std::string bytes = entry_value("value", 99, copy_of);
    const auto entry = parse_entry_value(bytes);
    REQUIRE(entry);
    CHECK(entry->value == "value");
    CHECK(entry->version == 99);
    CHECK(entry->copy_of == copy_of);
  }
  const auto record = parse_partition_value(partition_value({3, 1000}, "state"));
  REQUIRE(record);
  CHECK(record->statistics == StorageStatistics{3, 1000});
  CHECK(record->state == "state");
}

TEST_CASE("bytes of another form are not taken for a value") {
  CHECK_FALSE(parse_entry_value(""));
  CHECK_FALSE(parse_entry_value("\0\0\0\0\0\0\0\0"s));
  CHECK_FALSE(parse_entry_value("\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s));
  CHECK_FALSE(parse_entry_value("\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s));
  CHECK_FALSE(parse_partition_value("\0\0\0"s));
  CHECK_FALSE(parse_partition_value(std::string(17, '\1')));
  CHECK_FALSE(parse_partition_key("p"));
  CHECK_FALSE(parse_number_value("123"));
}

}  // namespace
}  // namespace dht::rocks
