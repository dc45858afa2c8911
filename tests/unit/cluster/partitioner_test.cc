#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/partitioner.h>

namespace dht {

namespace {

/// CRC16 XMODEM, a bit at a time.
std::uint32_t naive_crc16(std::string_view bytes) {
  std::uint32_t crc = 0;
  for (const char c : bytes) {
    crc ^= std::uint32_t{static_cast<std::uint8_t>(c)} << 8;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc;
}

}  // namespace

TEST_CASE("slots are those of the Redis Cluster specification") {
  const std::vector<std::pair<std::string_view, std::uint32_t>> cases{
      {"123456789", 0x31c3}, {"foo", 12182}, {"bar", 5061}, {"hello", 866}, {"", 0}};
  for (const auto& known : cases) {
    CAPTURE(known.first);
    CHECK(hash_slot(known.first) == known.second);
  }
}

TEST_CASE("a hash tag alone decides the slot (Redis Cluster specification, 'Hash tags')") {
  CHECK(hash_slot("{user1000}.following") == hash_slot("{user1000}.followers"));
  CHECK(hash_slot("{user1000}.following") == hash_slot("user1000"));
  CHECK(hash_slot("foo{bar}{zap}") == hash_slot("bar"));
  CHECK(hash_slot("foo{{bar}}zap") == hash_slot("{bar"));
  CHECK(hash_slot("}{a}") == hash_slot("a"));
}

TEST_CASE("an empty or open tag is none: the whole key counts") {
  for (const std::string_view key : {"foo{}{bar}", "{}", "{}foo", "foo{", "foo{bar", "foo}bar{", "}", "{"}) {
    CAPTURE(key);
    CHECK(hash_slot(key) == naive_crc16(key) % kHashSlots);
  }
}

TEST_CASE("the CRC is that of a naive version for every length and any bytes") {
  std::mt19937_64 random(3);
  for (std::size_t length = 0; length < 300; ++length) {
    std::string key(length, '\0');
    for (char& c : key) {
      do {
        c = static_cast<char>(random());
      } while (c == '{');
    }
    CHECK(hash_slot(key) == naive_crc16(key) % kHashSlots);
  }
}

TEST_CASE("a valid partition count is a power of two up to 16384") {
  for (std::uint32_t count = 1; count <= kHashSlots; count *= 2)
    CHECK(is_valid_partition_count(count));
  for (const std::uint32_t count : {0u, 3u, 1000u, 16383u, 16385u, 32768u, 0x8000'0000u, 0xffff'ffffu}) {
    CHECK_FALSE(is_valid_partition_count(count));
  }
}

TEST_CASE("consecutive slots share a partition and every partition gets keys") {
  const HashSlotPartitioner partitioner;
  CHECK(partitioner.partition_of("foo", kHashSlots) == 12182);
  CHECK(partitioner.partition_of("foo", 1024) == 12182 / 16);
  CHECK(partitioner.partition_of("foo", 2) == 1);
  CHECK(partitioner.partition_of("foo", 1) == 0);

  std::set<PartitionId> reached;
  for (int i = 0; i < 20'000; ++i) {
    const PartitionId partition = partitioner.partition_of("key" + std::to_string(i), kDefaultPartitions);
    CHECK(partition < kDefaultPartitions);
    reached.insert(partition);
  }
  CHECK(reached.size() == kDefaultPartitions);
}

}  // namespace dht
