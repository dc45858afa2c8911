// Checks of what a crash leaves.
#include <algorithm>

#include "desk.h"

namespace dht::testing::checks {
namespace {

void synced_survives(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  const StorageChange change = put_change("k", "v", 4, ClusterId{2});
  desk.apply(partition, {&change, 1}, "state");
  desk.sync(partition);
  desk.crash();
  desk.require_shows(desk.partition(), {{"k", entry_of("v", 4, ClusterId{2})}});
  require(desk.partition().state() == "state", "a state that was synced is lost in a crash");
  desk.drop(desk.partition());
  desk.sync(desk.partition());
  desk.crash();
  desk.require_shows(desk.partition(), {});
  require(desk.partition().state().empty(), "a drop that was synced is undone by a crash");
}

void answers_survive(Desk& desk) {
  if (!desk.subject().keeps_answers()) return;
  desk.put(desk.partition(), "k", "v", 4);
  desk.sync(desk.partition(), SyncFor::answer);
  desk.crash();
  desk.require_shows(desk.partition(), {{"k", entry_of("v", 4)}});
}

void record_survives(Desk& desk) {
  desk.remember("node", "first");
  desk.crash();
  require(desk.storage().recall("node") == "first", "a record that was complete is lost in a crash");
  const auto under_way = start_remember(desk.storage(), "node", "second");
  desk.crash();
  const std::optional<std::string> found = desk.storage().recall("node");
  require(found == "first" || found == "second", "a record under way has damaged the former one");
}

/// One partition, its model after each call, and how many calls are surely durable.
struct History {
  std::vector<Model> models = std::vector<Model>(1);
  std::vector<std::string> states = std::vector<std::string>(1);
  std::size_t durable = 0;

  void add(Model model, std::string state) {
    models.push_back(std::move(model));
    states.push_back(std::move(state));
  }
  std::size_t calls() const { return models.size() - 1; }
  /// What the partition was found to be is where it goes on from.
  void restart(Model model, std::string state) {
    models.assign(1, std::move(model));
    states.assign(1, std::move(state));
    durable = 0;
  }
};

/// That what is there is what some first calls made, the durable ones at least.
void require_prefix(Desk& desk, PartitionStorage& partition, History& history) {
  Model found = desk.contents(partition);
  std::string state = partition.state();
  desk.require_shows(partition, found);
  for (std::size_t calls = history.durable; calls <= history.calls(); ++calls) {
    if (history.models[calls] != found || history.states[calls] != state) continue;
    return history.restart(std::move(found), std::move(state));
  }
  for (std::size_t calls = 0; calls < history.durable; ++calls) {
    require(history.models[calls] != found || history.states[calls] != state,
            "a crash has undone calls that were synced");
  }
  throw Broken{"a crash has left what no first calls made"};
}

/// A call at random, the model of which goes to the history.
AnswerOf<StorageWritten> random_write(PartitionStorage& partition, History& history, std::mt19937_64& random,
                                      Version version) {
  Model model = history.models.back();
  if (random() % 40 == 0) {
    history.add({}, {});
    return start_drop(partition);
  }
  std::vector<std::string> keys;
  for (std::size_t count = 1 + random() % 5; count > 0; --count)
    keys.push_back(numbered_key(random() % 40));
  const std::string value(random() % 400, static_cast<char>('a' + random() % 26));
  std::vector<StorageChange> changes;
  for (const std::string& key : keys)
    changes.push_back(random() % 4 == 0 ? erase_change(key) : put_change(key, value, version));
  const std::string state = "state " + std::to_string(version);
  apply_to_model(model, changes);
  history.add(std::move(model), state);
  return start_apply(partition, changes, state);
}

void crash_leaves_first_calls(Desk& desk) {
  std::mt19937_64 random(99);
  History history;
  Version version = 0;
  for (int crashes = 0; crashes < 15; ++crashes) {
    PartitionStorage& partition = desk.partition();
    const std::size_t calls = 1 + random() % 40;
    const std::size_t synced_at = random() % calls;
    for (std::size_t i = 0; i < calls; ++i) {
      require(!desk.wait(random_write(partition, history, random, ++version)).error, "a write has failed");
      if (i == synced_at) desk.sync(partition);
      if (i == synced_at) history.durable = history.calls();
    }
    desk.crash();
    require_prefix(desk, desk.partition(), history);
  }
}

struct SyncUnderWay {
  AnswerOf<StorageWritten> answer{};
  PartitionId partition = 0;
  std::size_t calls = 0;
};

/// Notes which syncs have completed by now.
void note_syncs(std::vector<SyncUnderWay>& syncs, std::map<PartitionId, History>& histories) {
  std::erase_if(syncs, [&](const SyncUnderWay& sync) {
    if (!sync.answer->is_there()) return false;
    if (sync.answer->result().error) return true;
    std::size_t& durable = histories[sync.partition].durable;
    durable = std::max(durable, sync.calls);
    return true;
  });
}

/// Writes, syncs that nobody waits for, reopenings and crashes, at random.
void random_crashes(Desk& desk, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::map<PartitionId, History> histories;
  Version version = 0;
  for (int round = 0; round < 12; ++round) {
    std::vector<SyncUnderWay> syncs;
    std::vector<AnswerOf<StorageWritten>> writes;
    for (std::size_t step = random() % 120; step > 0; --step) {
      const auto id = static_cast<PartitionId>(random() % 3);
      History& history = histories[id];
      if (random() % 8 == 0) {
        const bool for_answer = desk.subject().keeps_answers() && random() % 2 == 0;
        syncs.push_back(
            {start_sync(desk.partition(id), for_answer ? SyncFor::answer : SyncFor::role), id, history.calls()});
      } else {
        writes.push_back(random_write(desk.partition(id), history, random, ++version));
        if (random() % 2 == 0) static_cast<void>(desk.wait(writes.back()));
      }
      if (random() % 4 == 0) note_syncs(syncs, histories);
    }
    const bool orderly = random() % 4 == 0;
    if (orderly) {
      for (const auto& answer : writes)
        require(!desk.wait(answer).error, "a write has failed");
      for (auto& [id, history] : histories) {
        desk.sync(desk.partition(id));
        history.durable = history.calls();
      }
      desk.reopen();
    } else {
      note_syncs(syncs, histories);
      desk.crash();
    }
    for (auto& [id, history] : histories)
      require_prefix(desk, desk.partition(id), history);
  }
}

template <std::uint64_t Seed>
void random_crashes_of(Desk& desk) {
  random_crashes(desk, Seed);
}

/// A storage that crashes again and again before anything is synced finds itself empty, not damaged.
void crashes_at_the_start(Desk& desk) {
  for (int i = 0; i < 5; ++i) {
    desk.put(desk.partition(), "k", "v");
    desk.crash();
  }
  desk.put(desk.partition(), "k", "v");
  desk.sync(desk.partition());
  desk.crash();
  desk.crash();
  desk.require_shows(desk.partition(), {{"k", entry_of("v", 1)}});
}

}  // namespace

std::span<const StorageCheck> crash_checks() {
  using enum StorageCheck::Needs;
  static constexpr StorageCheck kChecks[] = {
      {"what was synced survives a crash", crashes, run_body<synced_survives>},
      {"what was synced for an answer survives a crash", crashes, run_body<answers_survive>},
      {"a record whose remember was complete survives a crash", crashes, run_body<record_survives>},
      {"a crash leaves what the first calls made, each whole", crashes, run_body<crash_leaves_first_calls>},
      {"a storage outlives crashes before and after its first sync", crashes, run_body<crashes_at_the_start>},
      {"no crash at random undoes a sync or tears a call", crashes, run_body<random_crashes_of<1>>},
      {"no crash at random undoes a sync or tears a call, with another seed", crashes, run_body<random_crashes_of<2>>},
  };
  return kChecks;
}

}  // namespace dht::testing::checks
