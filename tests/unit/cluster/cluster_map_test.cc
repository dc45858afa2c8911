#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/cluster_map.h>

#include "maps.h"

namespace dht {

using testing::even_map;
using testing::node_record;

TEST_CASE("a founded cluster is one active node that leads, votes and holds everything") {
  const ClusterMap map =
      found_cluster(ClusterId{5}, {.partitions = 8, .replicas = 3}, NodeId{42}, "localhost:9876", {"localhost", 9876});
  CHECK_FALSE(violation(map));
  CHECK(map.cluster == ClusterId{5});
  CHECK(map.revision == 1);
  CHECK(map.settings == ClusterSettings{.partitions = 8, .replicas = 3});
  CHECK(map.leader == NodeId{42});
  CHECK(map.voters == std::vector<NodeId>{{42}});
  REQUIRE(map.nodes.size() == 1);
  CHECK(map.nodes[0] == NodeRecord{{42}, "localhost:9876", {"localhost", 9876}, NodeState::active});
  REQUIRE(map.partitions.size() == 8);
  for (const PartitionRecord& partition : map.partitions) {
    CHECK(partition == PartitionRecord{.epoch = 1, .primary = {42}, .backups = {}, .learners = {}});
  }
}

TEST_CASE("members are found by id and by name") {
  const ClusterMap map = even_map(5, 16);
  for (std::uint64_t k = 1; k <= 5; ++k) {
    CHECK(map.find(NodeId{k}) == &map.nodes[k - 1]);
    CHECK(map.find_name("n" + std::to_string(k)) == &map.nodes[k - 1]);
  }
  CHECK(map.find(NodeId{}) == nullptr);
  CHECK(map.find(NodeId{6}) == nullptr);
  CHECK(map.find_name("n6") == nullptr);
  CHECK(map.find_name("") == nullptr);
  CHECK(ClusterMap{}.find(NodeId{1}) == nullptr);
}

TEST_CASE("random sound maps have no violation") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 2000; ++round) {
    const ClusterMap map = testing::random_map(random);
    CHECK(violation(map) == std::nullopt);
  }
}

TEST_CASE("every broken invariant is named") {
  using Damage = std::function<void(ClusterMap&)>;
  const std::vector<std::pair<std::string, Damage>> cases{
      {"the cluster has no id", [](ClusterMap& m) { m.cluster = {}; }},
      {"the revision is zero", [](ClusterMap& m) { m.revision = 0; }},
      {"6 partitions: not a power of two up to 16384", [](ClusterMap& m) { m.settings.partitions = 6; }},
      {"no copies are wanted", [](ClusterMap& m) { m.settings.replicas = 0; }},
      {"8 partition records for 16 partitions", [](ClusterMap& m) { m.settings.partitions = 16; }},
      {"7 partition records for 8 partitions", [](ClusterMap& m) { m.partitions.pop_back(); }},
      {"a node has no id", [](ClusterMap& m) { m.nodes[0].id = {}; }},
      {"node 0000000000000002 is not in ascending order", [](ClusterMap& m) { std::swap(m.nodes[1], m.nodes[2]); }},
      {"node 0000000000000002 is not in ascending order", [](ClusterMap& m) { m.nodes[2].id = {2}; }},
      {"node 0000000000000003 has no valid name", [](ClusterMap& m) { m.nodes[2].name = "a\nb"; }},
      {"node 0000000000000003 has no valid name", [](ClusterMap& m) { m.nodes[2].name.clear(); }},
      {"the leader 0000000000000000 is no member", [](ClusterMap& m) { m.leader = {}; }},
      {"the leader 0000000000000009 is no member", [](ClusterMap& m) { m.leader = {9}; }},
      {"the leader n4 is no voter", [](ClusterMap& m) { m.leader = {4}; }},
      {"the leader n1 is no voter",
       [](ClusterMap& m) {
         m.voters = {{2}};
         m.next_voters = {{3}};
       }},
      {"there is no voter", [](ClusterMap& m) { m.voters.clear(); }},
      {"the voter 0000000000000009 is no member", [](ClusterMap& m) { m.next_voters = {{9}}; }},
      {"the voter n5 is still joining", [](ClusterMap& m) { m.next_voters = {{5}}; }},
      {"n2 is a voter twice",
       [](ClusterMap& m) {
         m.next_voters = {{2}, {1}, {2}};
       }},
      {"a lease of 9 ms: not one of 10 to 60000 ms", [](ClusterMap& m) { m.settings.lease_ms = 9; }},
      {"a lease of 60001 ms: not one of 10 to 60000 ms", [](ClusterMap& m) { m.settings.lease_ms = 60'001; }},
      {"partition 3 was begun empty in epoch 0, but has a primary since epoch 1",
       [](ClusterMap& m) { m.partitions[3].empty_from = 0; }},
      {"partition 3 was begun empty in epoch 2, but has a primary since epoch 1",
       [](ClusterMap& m) { m.partitions[3].empty_from = 2; }},
      {"partition 3 has a primary since epoch 2, but is in epoch 1",
       [](ClusterMap& m) { m.partitions[3].primary_since = 2; }},
      {"8 copies are wanted: more than 7", [](ClusterMap& m) { m.settings.replicas = 8; }},
      {"the voter 0000000000000009 is no member", [](ClusterMap& m) { m.voters.push_back({9}); }},
      {"n1 is a voter twice", [](ClusterMap& m) { m.voters.push_back({1}); }},
      {"partition 3 has no epoch", [](ClusterMap& m) { m.partitions[3].epoch = 0; }},
      {"partition 3: 0000000000000000 is no member", [](ClusterMap& m) { m.partitions[3].primary = {}; }},
      {"partition 3: 0000000000000009 is no member", [](ClusterMap& m) { m.partitions[3].backups = {{9}}; }},
      {"partition 3: 0000000000000009 is no member",
       [](ClusterMap& m) {
         m.partitions[3].learners = {{{9}, 1}};
       }},
      {"partition 3: n5 is still joining", [](ClusterMap& m) { m.partitions[3].primary = {5}; }},
      {"partition 3: n5 is still joining", [](ClusterMap& m) { m.partitions[3].backups = {{5}}; }},
      {"partition 3: n5 is still joining",
       [](ClusterMap& m) {
         m.partitions[3].learners = {{{5}, 1}};
       }},
      {"partition 3: n4 has two roles", [](ClusterMap& m) { m.partitions[3].backups = {{4}}; }},
      {"partition 3: n2 has two roles",
       [](ClusterMap& m) {
         m.partitions[3].backups = {{2}, {3}, {2}};
       }},
      {"partition 3: n4 has two roles",
       [](ClusterMap& m) {
         m.partitions[3].learners = {{{4}, 1}};
       }},
      {"partition 3: n2 has two roles",
       [](ClusterMap& m) {
         m.partitions[3].backups = {{2}};
         m.partitions[3].learners = {{{2}, 1}};
       }},
      {"partition 3: a learner of revision 2, which is yet to come",
       [](ClusterMap& m) {
         m.partitions[3].learners = {{{2}, 2}};
       }},
  };
  ClusterMap sound = even_map(4, 8);
  sound.nodes.push_back(node_record(5, NodeState::joining));
  REQUIRE(violation(sound) == std::nullopt);
  for (const auto& [sentence, damage] : cases) {
    ClusterMap map = sound;
    damage(map);
    const std::string found = violation(map).value_or("sound");
    CHECK(found == sentence);
  }
}

TEST_CASE("a node that is leaving or down may keep its roles") {
  for (const NodeState state : {NodeState::active, NodeState::leaving, NodeState::down}) {
    ClusterMap map = even_map(2, 4);
    map.nodes[1].state = state;
    CHECK(violation(map) == std::nullopt);
  }
}

TEST_CASE("a map prints its members and its partitions, alike ones together") {
  ClusterMap map = even_map(2, 8);
  for (auto& partition : map.partitions)
    partition.primary = {1};
  map.partitions[5] = {.epoch = 3, .primary = {2}, .backups = {{1}}, .learners = {}};
  map.partitions[7].learners = {{{2}, 1}};
  map.nodes[1].state = NodeState::leaving;
  CHECK(to_string(map) ==
        "cluster 000000000000004d, revision 1, 8 partitions, 1 copies, leader n1 (generation 1), voters n1\n"
        "node n1: 0000000000000001, host1:9876, active\n"
        "node n2: 0000000000000002, host2:9876, leaving\n"
        "partitions 0-4: epoch 1, primary n1\n"
        "partition 5: epoch 3, primary n2 since epoch 1, backup n1\n"
        "partition 6: epoch 1, primary n1\n"
        "partition 7: epoch 1, primary n1, learner n2 since 1\n");
}

TEST_CASE("an unsound map can be printed, too") {
  ClusterMap map = even_map(1, 1);
  map.leader = {0xbad};
  map.partitions[0].primary = {0xbad};
  CHECK(to_string(map).find("primary 0000000000000bad") != std::string::npos);
  CHECK_FALSE(to_string(ClusterMap{}).empty());
}

}  // namespace dht
