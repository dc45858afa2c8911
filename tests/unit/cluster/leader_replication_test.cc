// Backups, failover and healing, as the leader decides them. The paragraphs are those of the design: "Replication and
// moves" (7), "Keys, partitions, the map" (4).
#include <algorithm>
#include <map>

#include <doctest/doctest.h>

#include "leader_bench.h"

namespace dht::testing {

namespace {

constexpr NodeId kA{1};
constexpr NodeId kB{2};
constexpr NodeId kC{3};

/// Of `members` nodes, with two copies of each partition; the backup is the node after the primary.
ClusterMap copied_map(std::uint32_t members, std::uint32_t replicas = 2, std::uint32_t partitions = 4) {
  ClusterMap map = even_map(members, partitions);
  map.settings.replicas = replicas;
  map.voters = {kA};
  for (PartitionRecord& record : map.partitions) {
    for (std::uint64_t next = 1; next < std::min<std::uint64_t>(replicas, members); ++next)
      record.backups.push_back(NodeId{1 + (record.primary.value - 1 + next) % members});
    std::sort(record.backups.begin(), record.backups.end());
  }
  return map;
}

struct Replicated : LeaderBench {
  using LeaderBench::LeaderBench;

  void report_sealed(std::uint64_t backup, PartitionId p, ReplicaPosition at) {
    auto& list = reports[backup].partitions;
    std::erase_if(list, [p](const PartitionReport& report) { return report.partition == p; });
    list.push_back({.partition = p, .epoch = partition(p).epoch, .sealed_at = at});
    heartbeat(backup);
  }
  /// Every live backup of a partition whose primary is down says that it stands at the same place.
  void seal_all() {
    for (PartitionId p = 0; p < map().partitions.size(); ++p) {
      if (state(partition(p).primary.value) != NodeState::down) continue;
      for (const NodeId backup : PartitionRecord(partition(p)).backups) {
        if (!is_silent(backup.value)) report_sealed(backup.value, p, {1, 5});
      }
    }
    choose_all();
  }
  /// Learners become level and who is ordered to stop stops, until there is nothing more to do.
  void settle_copies() {
    for (int round = 0; round < 100; ++round) {
      choose_all();
      const Revision before = map().revision;
      for (PartitionId p = 0; p < map().partitions.size(); ++p) {
        const bool is_ordered = std::count(ordered.begin(), ordered.end(), std::pair{partition(p).primary, p}) > 0;
        PartitionReport& report = report_of(p);
        report.level = partition(p).learners;
        report.stopped = is_ordered;
        report.lost_backups = dead_backups(p);
      }
      ordered.clear();
      const ClusterMap now_map = map();
      for (const NodeRecord& node : now_map.nodes) {
        if (!is_silent(node.id.value)) heartbeat(node.id.value);
      }
      acknowledge_all();
      choose_all();
      if (map().revision == before && ordered.empty()) return;
    }
    FAIL("the copies do not settle");
  }
  std::vector<NodeId> dead_backups(PartitionId p) const {
    std::vector<NodeId> dead = partition(p).backups;
    std::erase_if(dead, [this](NodeId id) { return state(id.value) != NodeState::down; });
    return dead;
  }
  std::map<NodeId, std::size_t> backups() const {
    std::map<NodeId, std::size_t> counts;
    for (const PartitionRecord& record : map().partitions) {
      for (const NodeId backup : record.backups)
        ++counts[backup];
    }
    return counts;
  }
  PartitionId first_of(NodeId primary) const {
    const auto& all = map().partitions;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const PartitionRecord& record) { return record.primary == primary; });
    REQUIRE(found != all.end());
    return static_cast<PartitionId>(found - all.begin());
  }
};

}  // namespace

TEST_CASE("7: the backup of a primary that is down takes over, once it has told where it stands") {
  Replicated bench(copied_map(2));
  const PartitionId p = bench.first_of(kB);
  bench.let_die(2);
  REQUIRE(bench.state(2) == NodeState::down);
  CHECK(bench.partition(p).primary == kB);
  bench.report_sealed(1, p, {1, 5});
  bench.choose_all();
  CHECK(bench.partition(p).primary == kA);
  CHECK(bench.partition(p).primary_since == bench.partition(p).epoch);
  CHECK(bench.partition(p).backups.empty());
}

TEST_CASE("7: of several backups the furthest takes over, and those that have spoken stay") {
  Replicated bench(copied_map(4, 3));
  const PartitionId p = bench.first_of(NodeId{4});
  REQUIRE(bench.partition(p).backups == std::vector{kA, kB});
  bench.let_die(4);
  SUBCASE("by number") {
    bench.report_sealed(1, p, {1, 6});
    CHECK(bench.partition(p).primary == NodeId{4});  // the other one is alive, and may be further
    bench.report_sealed(2, p, {1, 7});
  }
  SUBCASE("by epoch first") {
    bench.report_sealed(1, p, {1, 9});
    bench.report_sealed(2, p, {2, 7});
  }
  bench.choose_all();
  CHECK(bench.partition(p).primary == kB);
  CHECK(bench.partition(p).backups == std::vector{kA});
}

TEST_CASE("7: a backup that is called down itself is not waited for any more") {
  Replicated bench(copied_map(4, 3));
  const PartitionId p = bench.first_of(NodeId{4});
  bench.silent.push_back(2);
  bench.let_die(4);
  REQUIRE(bench.state(2) == NodeState::down);
  bench.report_sealed(1, p, {1, 5});
  bench.choose_all();
  CHECK(bench.partition(p).primary == kA);
  CHECK(bench.partition(p).backups.empty());
}

TEST_CASE("7: what a backup told in an earlier configuration counts for nothing") {
  Replicated bench(copied_map(2));
  const PartitionId p = bench.first_of(kB);
  bench.let_die(2);
  bench.reports[1].partitions = {{.partition = p, .epoch = bench.partition(p).epoch + 1, .sealed_at = {{1, 5}}}};
  bench.heartbeat(1);
  bench.choose_all();
  CHECK(bench.partition(p).primary == kB);
}

TEST_CASE("7: learners and others that hold no copy are never chosen, and the partition waits") {
  ClusterMap map = copied_map(3);
  const auto of_b = std::find_if(map.partitions.begin(), map.partitions.end(),
                                 [](const PartitionRecord& record) { return record.primary == kB; });
  of_b->backups.clear();
  of_b->learners = {{kC, 1}};
  Replicated bench(map);
  const auto p = static_cast<PartitionId>(of_b - map.partitions.begin());
  bench.let_die(2);
  bench.report_sealed(3, p, {1, 5});
  bench.report_sealed(1, p, {1, 5});
  bench.choose_all();
  CHECK(bench.partition(p).primary == kB);
  CHECK(bench.partition(p).learners.empty());
}

TEST_CASE("7: a primary that was down and speaks again takes over anew") {
  Replicated bench(copied_map(2));
  const PartitionId p = bench.first_of(kB);
  const Epoch epoch = bench.partition(p).epoch;
  bench.let_die(2);
  bench.silent.clear();
  bench.heartbeat(2);
  bench.pass(milliseconds(100));
  bench.choose_all();
  CHECK(bench.state(2) == NodeState::active);
  CHECK(bench.partition(p).primary == kB);
  CHECK(bench.partition(p).epoch == epoch + 1);
  CHECK(bench.partition(p).primary_since == epoch + 1);
  CHECK(bench.partition(p).backups == std::vector{kA});
}

TEST_CASE("7: a backup is taken out when a living primary asks for it, and not before") {
  Replicated bench(copied_map(2));
  const PartitionId p = bench.first_of(kA);
  bench.let_die(2);
  CHECK(bench.partition(p).backups == std::vector{kB});
  bench.report_of(p).lost_backups = {kB};
  bench.heartbeat(1);
  bench.choose_all();
  CHECK(bench.partition(p).backups.empty());
  CHECK(bench.partition(p).primary_since == 1);
}

TEST_CASE("7: the last replicas of a configuration are not taken out while their primary is down") {
  Replicated bench(copied_map(3));
  const PartitionId p = bench.first_of(kB);
  bench.report_of(p).lost_backups = bench.partition(p).backups;
  bench.silent.push_back(3);
  bench.let_die(2);
  bench.pass(milliseconds(500));
  bench.choose_all();
  CHECK(bench.partition(p).primary == kB);
  CHECK(bench.partition(p).backups == std::vector{kC});
}

TEST_CASE("7: after a loss the missing copies are made at those that are left, and shares are even again") {
  Replicated bench(copied_map(4));
  bench.let_die(4);
  bench.seal_all();
  bench.settle_copies();
  for (const PartitionRecord& record : bench.map().partitions) {
    CHECK(record.primary != NodeId{4});
    CHECK(record.backups.size() == 1);
    CHECK(record.backups.front() != NodeId{4});
  }
  for (const std::uint64_t node : {1u, 2u, 3u}) {
    CHECK(bench.backups()[NodeId{node}] >= 1);
    CHECK(bench.backups()[NodeId{node}] <= 2);
  }
}

TEST_CASE("7: a node that joins takes its share of both roles, and no partition is without its copies meanwhile") {
  Replicated bench(copied_map(2));
  bench.join(3);
  bench.choose_all();
  bench.activate(3);
  bench.heartbeat(3);
  bench.settle_copies();
  CHECK(cluster::primaries_of(bench.map(), kC) == 1);
  for (const std::uint64_t node : {1u, 2u, 3u}) {
    CHECK(bench.backups()[NodeId{node}] >= 1);
    CHECK(bench.backups()[NodeId{node}] <= 2);
  }
  for (const PartitionRecord& record : bench.map().partitions)
    CHECK(record.backups.size() == 1);
}

TEST_CASE("7: a learner of a partition with backups becomes one of them, by the revision that added it") {
  ClusterMap map = copied_map(3);
  map.partitions[0].backups.clear();
  Replicated bench(map);
  bench.choose_all();
  REQUIRE(bench.partition(0).learners.size() == 1);
  const LearnerRecord learner = bench.partition(0).learners.front();
  bench.report_of(0).level = {{learner.node, learner.since - 1}};
  bench.heartbeat(bench.partition(0).primary.value);
  bench.choose_all();
  CHECK(bench.partition(0).backups.empty());
  bench.report_of(0).level = {learner};
  bench.heartbeat(bench.partition(0).primary.value);
  bench.choose_all();
  CHECK(bench.partition(0).backups == std::vector{learner.node});
  CHECK(bench.partition(0).primary_since == 1);
}

TEST_CASE(
    "6: a dead member that was started again under its name is not listed once others have taken over what it had") {
  Replicated bench(copied_map(3));
  bench.let_die(3);
  wire::Call again = LeaderBench::join_call(9);
  again.node.name = "n3";
  again.node.address = node_record(3).address;
  bench.join(again);
  bench.choose_all();
  bench.activate(9);
  bench.heartbeat(9);
  bench.choose_all();
  CHECK(bench.lists(3));
  for (PartitionId p = 0; p < 4; ++p) {
    if (bench.partition(p).primary == kC || bench.partition(p).backups != std::vector{kC}) continue;
    bench.report_of(p).lost_backups = {kC};
    bench.heartbeat(bench.partition(p).primary.value);
  }
  bench.seal_all();
  bench.settle_copies();
  CHECK_FALSE(bench.lists(3));
  CHECK(bench.lists(9));
}

TEST_CASE("4: what a forgotten primary had goes to a backup that is down, too, and is waited for there") {
  Replicated bench(copied_map(3));
  const PartitionId p = bench.first_of(kB);
  REQUIRE(bench.partition(p).backups == std::vector{kC});
  bench.silent.push_back(3);
  bench.let_die(2);
  const Ticket forget = bench.forget(1, "n2");
  for (PartitionId of_a = 0; of_a < 4; ++of_a) {
    if (bench.partition(of_a).primary != kA) continue;
    bench.report_of(of_a).lost_backups = bench.dead_backups(of_a);
  }
  bench.heartbeat(1);
  bench.choose_all();
  CHECK(bench.partition(p).primary == kC);
  CHECK(bench.partition(p).empty_from == 1);
  CHECK_FALSE(bench.lists(2));
  bench.acknowledge_all();
  CHECK(bench.is_ok(forget));
}

namespace {

/// The third of three nodes has just come, and gets its share two partitions at a time.
struct Newcomer : Replicated {
  Newcomer() : Replicated(copied_map(2, 2, 16), 2) {
    join(3);
    choose_all();
    activate(3);
    pass(milliseconds(100));  // so that its voice counts, too
    choose_all();
    pass(kMoment);
    ordered.clear();
  }
  std::vector<PartitionId> learning() const {
    std::vector<PartitionId> partitions;
    for (PartitionId p = 0; p < map().partitions.size(); ++p) {
      if (!partition(p).learners.empty()) partitions.push_back(p);
    }
    return partitions;
  }
  /// What can be chosen now is; time stands still.
  void choose_now() {
    while (choose()) {
    }
  }
};

}  // namespace

TEST_CASE("7: a copy that has ended becomes a backup and makes room at once; those that follow soon do so together") {
  Newcomer bench;
  const std::vector<PartitionId> first = bench.learning();
  REQUIRE(first.size() == 2);
  bench.report_level(first[0]);
  bench.choose_now();
  CHECK(bench.partition(first[0]).learners.empty());
  const std::vector<PartitionId> second = bench.learning();
  REQUIRE(second.size() == 2);
  const Revision before = bench.map().revision;
  for (const PartitionId p : second)
    bench.report_level(p);
  bench.choose_now();
  CHECK(bench.learning() == second);
  CHECK(bench.map().revision == before);
  REQUIRE(bench.pass_moment());
  REQUIRE(bench.choose());
  for (const PartitionId p : second)
    CHECK(bench.partition(p).learners.empty());
  CHECK(bench.map().revision == before + 1);
}

TEST_CASE("7: a primary that has stopped is followed at once, whatever is put off") {
  Newcomer bench;
  while (bench.ordered.empty()) {
    bench.pass_moment();
    bench.report_level(bench.learning().front());
    bench.choose_now();
  }
  const PartitionId moving = bench.ordered.front().second;
  const std::vector<PartitionId> copies = bench.learning();
  REQUIRE(copies.size() == 2);
  bench.report_level(copies[0]);
  bench.report_stopped(moving);
  bench.choose_now();
  CHECK(bench.partition(moving).primary == NodeId{3});
  CHECK_FALSE(bench.partition(copies[0]).learners.empty());
}

}  // namespace dht::testing
