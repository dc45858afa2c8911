#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/cluster_map.h>

#include "maps.h"
#include "wire/tagged.h"
#include "wire/varint.h"

namespace dht {

using testing::even_map;
using testing::random_map;

namespace {

/// The bytes of a map of two nodes and one partition, as a stranger might write them.
std::string written(const std::vector<std::uint64_t>& roles, std::uint64_t partitions = 1, std::uint64_t state = 1) {
  wire::TaggedWriter w;
  w.put_u64(1, 77);          // cluster
  w.put_u64(2, 9);           // revision
  w.put_u64(3, partitions);  // settings
  w.put_u64(4, 1);
  w.put_u64(5, 1);  // leader
  w.put_u64(6, 1);  // generation
  w.put_u64(7, 1);  // voter
  for (std::uint64_t id = 1; id <= 2; ++id) {
    wire::TaggedWriter node;
    node.put_u64(1, id);
    node.put_bytes(2, "n" + std::to_string(id));
    node.put_bytes(3, "host");
    node.put_u64(4, 9876);
    node.put_u64(5, state);
    w.put_message(8, node);
  }
  std::string packed;
  for (const std::uint64_t number : roles)
    wire::append_varint(packed, number);
  w.put_bytes(9, packed);
  return std::move(w).take();
}

}  // namespace

TEST_CASE("a map comes back as it was") {
  std::mt19937_64 random(5);
  for (int round = 0; round < 1000; ++round) {
    const ClusterMap map = random_map(random);
    const auto back = decode_cluster_map(encode(map));
    REQUIRE(back.has_value());
    CHECK(*back == map);
  }
}

TEST_CASE("a map of 1,000 nodes and 16,384 partitions takes under seven bytes a partition and 50 a node") {
  const ClusterMap map = even_map(1000, 16384);
  const std::string bytes = encode(map);
  CHECK(bytes.size() < 16384 * 7 + 1000 * 50);
  CHECK(decode_cluster_map(bytes) == map);
}

TEST_CASE("roles are read as they are written down") {
  // Partition: epoch, epochs since the primary took over, epochs before that since it was begun empty, floor, primary,
  // backups, learners; a learner with the revision that added it, and whether it has an old copy.
  const auto map = decode_cluster_map(written({3, 0, 0, 0, 0, 0, 1, 1, 9, 1}));
  REQUIRE(map.has_value());
  CHECK(map->partitions[0] == PartitionRecord{.epoch = 3,
                                              .primary_since = 3,
                                              .empty_from = 3,
                                              .primary = {1},
                                              .backups = {},
                                              .learners = {{{2}, 9, true}}});
  CHECK(decode_cluster_map(written({1, 0, 0, 0, 1, 1, 0, 0}))->partitions[0].backups == std::vector<NodeId>{{1}});
}

TEST_CASE("fields that a later version adds are skipped") {
  wire::TaggedWriter later;
  later.put_bytes(100, "a field of the future");
  const ClusterMap map = even_map(3, 8);
  CHECK(decode_cluster_map(encode(map) + std::string(later.view())) == map);
  CHECK(decode_cluster_map(std::string(later.view()) + encode(map)) == map);
}

TEST_CASE("counts and indices that the bytes do not bear are refused") {
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  REQUIRE(decode_cluster_map(written({1, 0, 0, 0, 0, 0, 0})));
  const std::vector<std::vector<std::uint64_t>> cases{
      {},
      {1},
      {1, 0, 0},
      {1, 0, 0, 0, 0},
      {1, 0, 0, 0, 0, 0},
      {1, 0, 0, 0, 2, 0, 0},                    // no such node
      {1, 0, 0, 0, kHuge, 0, 0},                //
      {1, 0, 0, 0, 0, kHuge, 0},                // backups that are not there
      {1, 0, 0, 0, 0, 2, 1, 0},                 //
      {1, 0, 0, 0, 0, 1, 2, 0},                 // a backup that is no node
      {1, 0, 0, 0, 0, 0, kHuge},                // learners that are not there
      {1, 0, 0, 0, 0, 0, 1},                    //
      {1, 0, 0, 0, 0, 0, 1, 1},                 //
      {1, 0, 0, 0, 0, 0, 1, 1, 1},              //
      {1, 0, 0, 0, 0, 0, 1, 2, 1, 0},           // a learner that is no node
      {1, 0, 0, 0, 0, 0, 1, 1, 1, 2},           // neither with an old copy nor without
      {1, 0, 0, 0, 0, 0, 0, 0},                 // something left over
      {1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0},  // another partition
      {1, 1, 0, 0, 0, 0, 0},                    // a primary before the first epoch
      {1, 0, 1, 0, 0, 0, 0},                    // begun empty before the first epoch
      {0, 0, 0, 0, 0, 0, 0},                    // unsound: no epoch,
      {1, 0, 0, 0, 0, 1, 0, 0},                 // two roles,
      {1, 0, 0, 0, 0, 0, 1, 1, 10, 0},          // a learner from the future
  };
  for (const auto& roles : cases)
    CHECK_FALSE(decode_cluster_map(written(roles)).has_value());
  for (const std::uint64_t partitions : {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{16384},
                                         std::uint64_t{1} << 31, std::uint64_t{1} << 32, kHuge}) {
    CHECK_FALSE(decode_cluster_map(written({1, 0, 0, 0, 0, 0, 0}, partitions)).has_value());
  }
}

TEST_CASE("a state that does not exist and an unsound map are refused") {
  CHECK(decode_cluster_map(written({1, 0, 0, 0, 0, 0, 0}, 1, 3)));
  CHECK_FALSE(decode_cluster_map(written({1, 0, 0, 0, 0, 0, 0}, 1, 4)));
  CHECK_FALSE(decode_cluster_map(written({1, 0, 0, 0, 0, 0, 0}, 1, 0)));  // both nodes joining
  CHECK_FALSE(decode_cluster_map(""));
  CHECK_FALSE(decode_cluster_map("nonsense"));

  ClusterMap unsound = even_map(2, 2);
  unsound.nodes[1].name.clear();
  CHECK_FALSE(decode_cluster_map(encode(unsound)));
}

TEST_CASE("every truncation is refused") {
  std::mt19937_64 random(6);
  const std::string whole = encode(random_map(random, 4));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK_FALSE(decode_cluster_map({cut.data(), cut.size()}).has_value());
  }
}

TEST_CASE("a damaged map is refused or is a sound map") {
  std::mt19937_64 random(8);
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = encode(random_map(random, 4));
    for (std::uint64_t hits = 1 + random() % 3; hits > 0; --hits) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const auto map = decode_cluster_map(bytes);
    if (map) {
      CHECK(violation(*map) == std::nullopt);
    } else {
      ++refused;
    }
  }
  CHECK(refused > 1000);
}

}  // namespace dht
