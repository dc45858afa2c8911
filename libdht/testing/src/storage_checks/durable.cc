// Checks of what a restarted process finds.
#include <algorithm>

#include "desk.h"

namespace dht::testing::checks {
namespace {

void reopening_finds_all(Desk& desk) {
  std::map<PartitionId, Model> models;
  std::mt19937_64 random(8);
  for (Version round = 1; round < 300; ++round) {
    const auto id = static_cast<PartitionId>(random() % 5);
    const std::string key = numbered_key(random() % 60);
    const std::string value(random() % 300, 'v');
    const StorageChange change = random() % 4 == 0 ? erase_change(key) : put_change(key, value, round, ClusterId{3});
    desk.apply(desk.partition(id), {&change, 1}, "state " + std::to_string(id));
    apply_to_model(models[id], {&change, 1});
  }
  for (int times = 0; times < 2; ++times) {
    for (const auto& [id, model] : models)
      desk.sync(desk.partition(id));
    desk.reopen();
    for (const auto& [id, model] : models) {
      desk.require_shows(desk.partition(id), model);
      require(desk.partition(id).state() == "state " + std::to_string(id), "another state is found than was left");
    }
  }
}

void state_goes_with_the_entries(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  require(partition.state().empty(), "a partition that was never written has a state");
  const std::string binary("\0\xff state", 8);
  desk.apply(partition, {}, binary);
  require(partition.state() == binary, "the state is not that of the last apply");
  const StorageChange change = put_change("k", "v", 1);
  desk.apply(partition, {&change, 1}, "second");
  require(partition.state() == "second", "the state is not that of the last apply");
  desk.apply(partition, {&change, 1}, {});
  require(partition.state().empty(), "an empty state does not take the place of the former one");
  desk.apply(partition, {&change, 1}, "third");
  desk.sync(partition);
  desk.reopen();
  require(desk.partition().state() == "third", "another state is found than was left");
  desk.drop(desk.partition());
  desk.sync(desk.partition());
  desk.reopen();
  require(desk.partition().state().empty(), "the state of a dropped partition is found");
}

void stored_names_partitions(Desk& desk) {
  require(desk.storage().stored().empty(), "a new storage says that it holds partitions");
  desk.put(desk.partition(1), "k", "v");
  desk.apply(desk.partition(2), {}, "only a state");
  desk.put(desk.partition(3), "k", "v");
  desk.drop(desk.partition(3));
  desk.put(desk.partition(4), "k", "v");
  desk.erase(desk.partition(4), "k");
  desk.put(desk.partition(1, ClusterId{1}), "k", "v");
  static_cast<void>(desk.partition(5));
  require(desk.storage().stored().empty(), "stored() tells of what was written since the storage was opened");
  for (const PartitionId id : {1U, 2U, 3U, 4U, 5U})
    desk.sync(desk.partition(id));
  desk.sync(desk.partition(1, ClusterId{1}));
  desk.reopen();
  std::vector<StoredPartition> stored = desk.storage().stored();
  std::ranges::sort(stored);
  const std::vector<StoredPartition> expected{{ClusterId{1}, 1}, {kCluster, 1}, {kCluster, 2}};
  require(stored == expected, "stored() does not name the partitions of which there is something");
}

void reopening_in_one_process(Desk& desk) {
  desk.put(desk.partition(), "k", "v", 4);
  const StorageChange change = put_change("l", "w", 5);
  desk.apply(desk.partition(), {&change, 1}, "state");
  desk.close();
  desk.require_shows(desk.partition(), {{"k", entry_of("v", 4)}, {"l", entry_of("w", 5)}});
  require(desk.partition().state() == "state", "a partition opened again has another state");
  desk.close();
  desk.erase(desk.partition(), "k");
  desk.drop(desk.partition());
  desk.close();
  desk.require_shows(desk.partition(), {});
  require(desk.partition().state().empty(), "a partition opened again has the state that was dropped");
  desk.put(desk.partition(), "m", "x");
  desk.close();
  desk.sync(desk.partition());
  desk.reopen();
  desk.require_shows(desk.partition(), {{"m", entry_of("x", 1)}});
}

void dropped_stays_dropped(Desk& desk) {
  for (std::uint64_t i = 0; i < 300; ++i)
    desk.put(desk.partition(), numbered_key(i), "value");
  desk.sync(desk.partition());
  desk.reopen();
  desk.drop(desk.partition());
  desk.put(desk.partition(), numbered_key(7), "new", 2);
  desk.sync(desk.partition());
  desk.reopen();
  desk.require_shows(desk.partition(), {{numbered_key(7), entry_of("new", 2)}});
}

void records_are_recalled(Desk& desk) {
  require(!desk.storage().recall("node"), "a record that was never given is recalled");
  const std::string binary("\0\xff\n record", 10);
  desk.remember("node", "first");
  desk.remember("node", binary);
  desk.remember("nod", "another");
  desk.remember("empty", "");
  desk.remember("large", std::string(100'000, 'r'));
  desk.reopen();
  require(desk.storage().recall("node") == binary, "another record is recalled than the last one");
  require(desk.storage().recall("nod") == "another", "a record is taken for another");
  require(desk.storage().recall("empty") == "", "an empty record is not recalled");
  require(desk.storage().recall("large") == std::string(100'000, 'r'), "a large record is not recalled");
  require(!desk.storage().recall("no"), "a record that was never given is recalled");
  require(desk.storage().stored().empty(), "a record of the node is taken for a partition");
}

void last_record_stays(Desk& desk) {
  std::vector<AnswerOf<StorageWritten>> answers;
  for (int i = 0; i <= 50; ++i) {
    answers.push_back(start_remember(desk.storage(), "node", std::to_string(i)));
    if (i % 5 == 0) static_cast<void>(start_sync(desk.partition()));
  }
  for (const auto& answer : answers)
    require(!desk.wait(answer).error, "a remember has failed");
  desk.reopen();
  require(desk.storage().recall("node") == "50", "of several records under way the last does not stay");
}

void working_storage_has_not_failed(Desk& desk) {
  const auto told = std::make_shared<bool>(false);
  desk.storage().on_failure([told](std::string) { *told = true; });
  desk.put(desk.partition(), "k", "v");
  desk.sync(desk.partition());
  desk.storage().on_failure(nullptr);
  require(!*told, "a storage that works says that it has failed");
}

}  // namespace

std::span<const StorageCheck> durable_checks() {
  using enum StorageCheck::Needs;
  static constexpr StorageCheck kChecks[] = {
      {"a storage opened again finds entries, statistics and states", durable, run_body<reopening_finds_all>},
      {"the state is that of the last apply, and goes with a drop", durable, run_body<state_goes_with_the_entries>},
      {"stored names the partitions of which there was anything", durable, run_body<stored_names_partitions>},
      {"a partition opened again in one process is as it was left", durable, run_body<reopening_in_one_process>},
      {"what was dropped stays dropped", durable, run_body<dropped_stays_dropped>},
      {"a record that was remembered is recalled", durable, run_body<records_are_recalled>},
      {"of several records of one name under way the last one stays", durable, run_body<last_record_stays>},
      {"a storage that works does not say that it has failed", durable, run_body<working_storage_has_not_failed>},
  };
  return kChecks;
}

}  // namespace dht::testing::checks
