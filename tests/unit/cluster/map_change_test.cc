#include "cluster/map_change.h"

#include <algorithm>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "aborts.h"
#include "maps.h"

namespace dht::cluster {

using testing::aborts;
using testing::even_map;
using testing::node_record;

namespace {

using Operation = std::function<void(MapChange&)>;

ClusterMap changed(const ClusterMap& base, const Operation& operation) {
  MapChange change(base);
  operation(change);
  CHECK_FALSE(change.empty());
  return std::move(change).finish();
}

/// Nodes 1 active, leader and holder of all; 2 active; 3 joining; 4 leaving; 5 down; 2 is learner of partition 1.
ClusterMap sample() {
  ClusterMap map = even_map(1, 4);
  map.nodes.push_back(node_record(2));
  map.nodes.push_back(node_record(3, NodeState::joining));
  map.nodes.push_back(node_record(4, NodeState::leaving));
  map.nodes.push_back(node_record(5, NodeState::down));
  map.partitions[1].learners = {{{2}, 1}};
  map.revision = 10;
  REQUIRE_FALSE(violation(map));
  return map;
}

/// What `operation` makes of the sample besides the new revision is what `expected` does to it.
void check_effect(const Operation& operation, const std::function<void(ClusterMap&)>& expected) {
  ClusterMap map = sample();
  expected(map);
  map.revision = 11;
  CHECK(changed(sample(), operation) == map);
}

}  // namespace

TEST_CASE("a change without operations is empty and only counts the revision up") {
  const ClusterMap base = sample();
  MapChange change(base);
  CHECK(change.empty());
  ClusterMap expected = base;
  expected.revision = 11;
  CHECK(std::move(change).finish() == expected);
}

TEST_CASE("the base is left as it was") {
  const ClusterMap base = sample();
  const ClusterMap next = changed(base, [](MapChange& change) { change.activate({3}); });
  CHECK(base == sample());
  CHECK(next != base);
}

TEST_CASE("a newcomer is put in its place by id and is joining whatever its record says") {
  ClusterMap base = even_map(1, 4);
  base.nodes.push_back(node_record(7));
  for (const std::uint64_t id : {4u, 9u}) {
    const ClusterMap next = changed(base, [id](MapChange& change) { change.add_joining(node_record(id)); });
    REQUIRE(next.find({id}) != nullptr);
    CHECK(*next.find({id}) == node_record(id, NodeState::joining));
    CHECK(next.nodes.size() == 3);
  }
}

TEST_CASE("a member that holds nothing can be removed") {
  check_effect([](MapChange& change) { change.remove_node({4}); },
               [](ClusterMap& map) { map.nodes.erase(map.nodes.begin() + 3); });
}

TEST_CASE("each change of state touches nothing but the state") {
  const auto to = [](std::size_t index, NodeState state) {
    return [index, state](ClusterMap& map) { map.nodes[index].state = state; };
  };
  check_effect([](MapChange& change) { change.activate({3}); }, to(2, NodeState::active));
  check_effect([](MapChange& change) { change.begin_leave({2}); }, to(1, NodeState::leaving));
  check_effect([](MapChange& change) { change.cancel_leave({4}); }, to(3, NodeState::active));
  check_effect([](MapChange& change) { change.mark_down({2}); }, to(1, NodeState::down));
  check_effect([](MapChange& change) { change.mark_down({4}); }, to(3, NodeState::down));
  check_effect([](MapChange& change) { change.mark_active({5}); }, to(4, NodeState::active));
}

TEST_CASE("6: a new leader has a new generation") {
  ClusterMap base = sample();
  base.voters = {{1}, {2}};
  ClusterMap expected = base;
  expected.revision = 11;
  expected.leader = {2};
  expected.generation = 2;
  CHECK(changed(base, [](MapChange& change) { change.set_leader({2}); }) == expected);
}

TEST_CASE("5: a new leader that is no voter is to take the place of the present one among them") {
  ClusterMap base = sample();
  base.nodes[2].state = base.nodes[3].state = NodeState::active;
  base.voters = {{3}, {1}, {4}};
  const ClusterMap next = changed(base, [](MapChange& change) { change.set_leader({2}); });
  CHECK(next.leader == NodeId{2});
  CHECK(next.voters == base.voters);
  CHECK(next.next_voters == std::vector<NodeId>{{3}, {2}, {4}});
}

TEST_CASE("5: voters change in two steps: those to come are named beside the present ones, and then alone") {
  check_effect(
      [](MapChange& change) {
        change.begin_voter_change({{1}, {2}, {4}});
      },
      [](ClusterMap& map) {
        map.next_voters = {{1}, {2}, {4}};
      });
  ClusterMap base = sample();
  base.next_voters = {{1}, {2}, {4}};
  ClusterMap expected = base;
  expected.revision = 11;
  expected.voters = {{1}, {2}, {4}};
  expected.next_voters.clear();
  CHECK(changed(base, [](MapChange& change) { change.finish_voter_change(); }) == expected);
}

TEST_CASE("5: a voter may become leader while the voters change, if it stays one") {
  ClusterMap base = sample();
  base.voters = {{1}, {2}};
  base.next_voters = {{2}, {4}};
  const ClusterMap next = changed(base, [](MapChange& change) { change.set_leader({2}); });
  CHECK(next.leader == NodeId{2});
  CHECK(next.voters == base.voters);
  CHECK(next.next_voters == base.next_voters);
}

TEST_CASE(
    "4: a partition whose loss is accepted begins with nothing in a new epoch, at a node that had no part in it") {
  ClusterMap base = sample();
  base.partitions[2] = {.epoch = 7, .primary_since = 4, .empty_from = 3, .primary = {5}};
  const ClusterMap next = changed(base, [](MapChange& change) { change.begin_empty(2, {1}, 90); });
  ClusterMap expected = base;
  expected.revision = 11;
  expected.partitions[2] = {.epoch = 8, .primary_since = 8, .empty_from = 8, .floor = 90, .primary = {1}};
  CHECK(next == expected);
}

TEST_CASE("a learner comes with the revision that adds it and goes without a new epoch") {
  check_effect([](MapChange& change) { change.add_learner(3, {2}); },
               [](ClusterMap& map) {
                 map.partitions[3].learners = {{{2}, 11}};
               });
  check_effect([](MapChange& change) { change.remove_learner(1, {2}); },
               [](ClusterMap& map) { map.partitions[1].learners.clear(); });
}

TEST_CASE("7: who is handed a partition takes over in a new epoch, with those backups that stay and no learners") {
  ClusterMap base = sample();
  base.nodes[2].state = NodeState::active;
  base.partitions[1] = {.epoch = 5, .primary = {1}, .backups = {{4}}, .learners = {{{2}, 1}, {{3}, 1}}};
  ClusterMap next = changed(base, [](MapChange& change) { change.hand_over(1, {3}, {{4}, {1}}); });
  CHECK(next.partitions[1] ==
        PartitionRecord{.epoch = 6, .primary_since = 6, .primary = {3}, .backups = {{1}, {4}}, .learners = {}});
  base.partitions[1].backups = {{2}, {4}};
  base.partitions[1].learners.clear();
  next = changed(base, [](MapChange& change) { change.hand_over(1, {2}, {{4}}); });
  CHECK(next.partitions[1] == PartitionRecord{.epoch = 6, .primary_since = 6, .primary = {2}, .backups = {{4}}});
}

TEST_CASE("7: a reopened primary takes over anew, with its backups and without learners") {
  ClusterMap base = sample();
  base.partitions[1].backups = {{4}};
  ClusterMap expected = base;
  expected.revision = 11;
  expected.partitions[1].epoch = expected.partitions[1].primary_since = 2;
  expected.partitions[1].learners.clear();
  CHECK(changed(base, [](MapChange& change) { change.reopen_primary(1); }) == expected);
}

TEST_CASE("7: a promoted learner is a backup of the same primary, in a new epoch") {
  ClusterMap base = sample();
  base.partitions[1] = {.epoch = 5, .primary = {1}, .backups = {{4}}, .learners = {{{2}, 1}}};
  const ClusterMap next = changed(base, [](MapChange& change) { change.promote(1, {2}); });
  CHECK(next.partitions[1] == PartitionRecord{.epoch = 6, .primary_since = 1, .primary = {1}, .backups = {{2}, {4}}});
}

TEST_CASE("7: a backup that is taken out leaves the same primary, in a new epoch") {
  ClusterMap base = sample();
  base.partitions[1] = {.epoch = 5, .primary = {1}, .backups = {{2}, {4}}};
  const ClusterMap next = changed(base, [](MapChange& change) { change.remove_backup(1, {2}); });
  CHECK(next.partitions[1] == PartitionRecord{.epoch = 6, .primary_since = 1, .primary = {1}, .backups = {{4}}});
}

TEST_CASE("7: a backup takes the place of a primary that is down") {
  ClusterMap base = sample();
  base.partitions[1] = {.epoch = 5, .primary = {5}, .backups = {{2}, {4}}};
  const ClusterMap next = changed(base, [](MapChange& change) { change.fail_over(1, {4}, {{2}}); });
  CHECK(next.partitions[1] == PartitionRecord{.epoch = 6, .primary_since = 6, .primary = {4}, .backups = {{2}}});
}

TEST_CASE("operations of one change add up to one revision") {
  const ClusterMap next = changed(sample(), [](MapChange& change) {
    change.hand_over(1, {2}, {});
    change.activate({3});
    change.add_learner(0, {3});
    change.add_learner(2, {2});
    change.set_leader({2});
    change.begin_leave({1});
  });
  CHECK(next.revision == 11);
  CHECK(next.partitions[0].learners == std::vector<LearnerRecord>{{{3}, 11}});
  CHECK(next.partitions[1].primary == NodeId{2});
  CHECK(next.find({1})->state == NodeState::leaving);
}

TEST_CASE("an operation whose precondition does not hold ends the process") {
  const std::vector<Operation> refused{
      [](MapChange& change) { change.add_joining(node_record(2)); },  // the id is a member's
      [](MapChange& change) {
        change.add_joining({{9}, "n2", {"h", 1}, {}});
      },  // the name is
      [](MapChange& change) {
        change.add_joining({{}, "n9", {"h", 1}, {}});
      },                                                         // no id
      [](MapChange& change) { change.remove_node({9}); },        // no member
      [](MapChange& change) { change.remove_node({1}); },        // the leader
      [](MapChange& change) { change.remove_node({2}); },        // a learner
      [](MapChange& change) { change.activate({2}); },           // active already
      [](MapChange& change) { change.begin_leave({4}); },        // leaving already
      [](MapChange& change) { change.cancel_leave({2}); },       // not leaving
      [](MapChange& change) { change.mark_down({3}); },          // joining
      [](MapChange& change) { change.mark_active({4}); },        // not down
      [](MapChange& change) { change.set_leader({1}); },         // leader already
      [](MapChange& change) { change.set_leader({4}); },         // leaving
      [](MapChange& change) { change.begin_voter_change({}); },  // nobody
      [](MapChange& change) {
        change.begin_voter_change({{1}, {3}});
        std::move(change).finish();
      },  // one that is still joining
      [](MapChange& change) {
        change.begin_voter_change({{1}, {2}});
        change.begin_voter_change({{1}});
      },  // two changes at once
      [](MapChange& change) {
        change.begin_voter_change({{1}, {4}});
        change.set_leader({2});
      },  // no voter, while a change is under way
      [](MapChange& change) {
        change.begin_voter_change({{1}, {2}});
        change.finish_voter_change();
        change.begin_voter_change({{1}, {4}});
        change.set_leader({2});
      },  // a voter that will be none
      [](MapChange& change) {
        change.begin_voter_change({{2}});
        change.finish_voter_change();
        std::move(change).finish();
      },                                                        // the leader not among them
      [](MapChange& change) { change.finish_voter_change(); },  // none is under way
      [](MapChange& change) {
        change.begin_voter_change({{1}, {4}});
        change.remove_node({4});
      },                                                         // a voter to come
      [](MapChange& change) { change.begin_empty(4, {2}, 0); },  // no such partition
      [](MapChange& change) { change.begin_empty(0, {2}, 0); },  // its primary is not down
      [](MapChange& change) {
        change.mark_down({1});
        change.begin_empty(1, {4}, 0);
      },  // there is a learner
      [](MapChange& change) {
        change.mark_down({1});
        change.begin_empty(0, {4}, 0);
      },  // to one that is leaving
      [](MapChange& change) {
        change.mark_down({1});
        change.begin_empty(0, {5}, 0);
      },                                                         // to one that is down
      [](MapChange& change) { change.add_learner(4, {2}); },     // no such partition
      [](MapChange& change) { change.add_learner(0, {4}); },     // leaving
      [](MapChange& change) { change.add_learner(0, {1}); },     // the primary
      [](MapChange& change) { change.add_learner(1, {2}); },     // learner already
      [](MapChange& change) { change.remove_learner(0, {2}); },  // no learner
      [](MapChange& change) { change.hand_over(0, {2}, {}); },   // no learner
      [](MapChange& change) { change.hand_over(4, {2}, {}); },   // no such partition
      [](MapChange& change) { change.reopen_primary(4); },       // no such partition
  };
  for (std::size_t i = 0; i < refused.size(); ++i) {
    CAPTURE(i);
    CHECK(aborts([&] {
      MapChange change(sample());
      refused[i](change);
    }));
  }
  CHECK_FALSE(aborts([] { MapChange(sample()).activate({3}); }));
}

TEST_CASE("an unsound result ends the process") {
  ClusterMap base = sample();
  base.partitions[0].epoch = 0;
  CHECK(aborts([&] { (void)MapChange(base).finish(); }));
}

TEST_CASE("any row of operations that are allowed leaves sound maps whose epochs only grow") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::mt19937_64 random(seed);
    ClusterMap map = even_map(1, 8);
    std::uint64_t next_id = 2;
    for (int step = 0; step < 60; ++step) {
      MapChange change(map);
      const PartitionId p = static_cast<PartitionId>(random() % 8);
      const PartitionRecord& partition = map.partitions[p];
      const NodeRecord& node = map.nodes[random() % map.nodes.size()];
      const bool is_learner = std::any_of(partition.learners.begin(), partition.learners.end(),
                                          [&](const LearnerRecord& learner) { return learner.node == node.id; });
      if (map.nodes.size() < 6) change.add_joining(node_record(next_id++));
      if (node.state == NodeState::joining) {
        change.activate(node.id);
      } else if (node.state == NodeState::down) {
        change.mark_active(node.id);
      } else if (node.state == NodeState::leaving) {
        change.cancel_leave(node.id);
      } else if (is_learner) {
        random() % 4 == 0 ? change.remove_learner(p, node.id) : change.hand_over(p, node.id, {});
      } else if (partition.primary != node.id) {
        change.add_learner(p, node.id);
      } else if (random() % 2 == 0) {
        change.reopen_primary(p);
      } else {
        random() % 2 == 0 ? change.begin_leave(node.id) : change.mark_down(node.id);
      }
      const ClusterMap next = std::move(change).finish();
      CHECK(violation(next) == std::nullopt);
      CHECK(next.revision == map.revision + 1);
      CHECK(next.partitions[p].epoch ==
            partition.epoch + (next.partitions[p].primary != partition.primary ||
                               (partition.primary == node.id && next.find(node.id)->state == node.state &&
                                node.state == NodeState::active)));
      map = next;
    }
  }
}

}  // namespace dht::cluster
