// Checks of several partitions, and of dropping one.
#include "desk.h"

namespace dht::testing::checks {
namespace {

void partitions_do_not_mix(Desk& desk) {
  const std::array<StoredPartition, 7> names{{{kCluster, 0},
                                              {kCluster, 1},
                                              {kCluster, 256},
                                              {kCluster, ~PartitionId{0}},
                                              {ClusterId{1}, 0},
                                              {ClusterId{256}, 0},
                                              {ClusterId{~std::uint64_t{0}}, ~PartitionId{0}}}};
  for (std::size_t i = 0; i < names.size(); ++i) {
    PartitionStorage& partition = desk.partition(names[i].partition, names[i].cluster);
    desk.put(partition, "same", "value " + std::to_string(i), i + 1);
    desk.put(partition, "own " + std::to_string(i), "x", i + 1);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    desk.require_shows(
        desk.partition(names[i].partition, names[i].cluster),
        {{"same", entry_of("value " + std::to_string(i), i + 1)}, {"own " + std::to_string(i), entry_of("x", i + 1)}});
  }
}

void drop_removes_all(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  for (std::uint64_t i = 0; i < 500; ++i)
    desk.put(partition, numbered_key(i), "value", i + 1);
  const StorageChange last = put_change("last", "value", 1);
  desk.apply(partition, {&last, 1}, "state");
  desk.drop(partition);
  desk.require_shows(partition, {});
  require(!desk.get(partition, "last") && !desk.get_version(partition, numbered_key(7)), "a dropped key is there");
  require(partition.state().empty(), "the state of a dropped partition is there");
  desk.drop(partition);
  desk.put(partition, "last", "new", 3);
  desk.require_shows(partition, {{"last", entry_of("new", 3)}});
}

void drop_leaves_neighbours(Desk& desk) {
  const std::array<PartitionId, 5> ids{0, 1, 2, 255, 256};
  for (const PartitionId id : ids) {
    for (std::uint64_t i = 0; i < 50; ++i)
      desk.put(desk.partition(id), numbered_key(i), "value", i + 1);
  }
  desk.put(desk.partition(1, ClusterId{9}), "k", "v");
  desk.drop(desk.partition(1));
  desk.drop(desk.partition(255));
  for (const PartitionId id : ids) {
    const std::size_t expected = id == 1 || id == 255 ? 0 : 50;
    require(desk.contents(desk.partition(id)).size() == expected,
            "a drop has changed another partition, or not its own");
    require(desk.partition(id).statistics().entries == expected, "after a drop the statistics are wrong");
  }
  desk.require_shows(desk.partition(1, ClusterId{9}), {{"k", entry_of("v", 1)}});
}

void changes_after_drop(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  std::mt19937_64 random(6);
  Model model;
  for (Version round = 1; round < 300; ++round) {
    if (random() % 20 == 0) {
      desk.drop(partition);
      model.clear();
    }
    const std::string key = numbered_key(random() % 20);
    if (random() % 2 == 0) static_cast<void>(desk.get_version(partition, key));
    const StorageChange change = random() % 3 == 0 ? erase_change(key) : put_change(key, "value", round);
    desk.apply(partition, {&change, 1});
    apply_to_model(model, {&change, 1});
    require(partition.statistics() == statistics_of_model(model), "after a drop the statistics are wrong");
  }
  desk.require_shows(partition, model);
}

void durability_does_not_change(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  const bool durable = desk.storage().is_durable();
  require(partition.is_durable() == durable, "a partition and its storage do not agree on whether they are durable");
  const std::uint64_t order = partition.scan_order();
  desk.put(partition, "k", "v");
  desk.drop(partition);
  require(partition.is_durable() == durable && partition.scan_order() == order, "what never changes has changed");
  require(desk.storage().is_durable() == durable, "what never changes has changed");
}

}  // namespace

std::span<const StorageCheck> partition_checks() {
  using enum StorageCheck::Needs;
  static constexpr StorageCheck kChecks[] = {
      {"partitions and clusters do not mix", nothing, run_body<partitions_do_not_mix>},
      {"drop removes everything, and the partition can be used on", nothing, run_body<drop_removes_all>},
      {"drop leaves the neighbours alone", nothing, run_body<drop_leaves_neighbours>},
      {"statistics are exact between drops", nothing, run_body<changes_after_drop>},
      {"whether a storage is durable, and its order of scans, never change", nothing,
       run_body<durability_does_not_change>},
  };
  return kChecks;
}

}  // namespace dht::testing::checks
