// Checks of calls that are under way together, and of partitions that go before their calls complete.
#include <atomic>

#include "desk.h"

namespace dht::testing::checks {
namespace {

void many_calls_complete(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  for (std::uint64_t i = 0; i < 100; ++i)
    desk.put(partition, numbered_key(i), "old", 1);
  std::vector<AnswerOf<StorageWritten>> written;
  std::vector<AnswerOf<StorageRead>> read;
  std::vector<AnswerOf<StorageScanned>> scanned;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::string key = numbered_key(i);
    const StorageChange change = put_change(key, "new", 2);
    read.push_back(start_get(partition, key));
    written.push_back(start_apply(partition, {&change, 1}));
    if (i % 10 == 0) scanned.push_back(start_scan(partition, 0, 1000));
    if (i % 10 == 5) written.push_back(start_sync(partition, i % 20 == 5 ? SyncFor::answer : SyncFor::role));
  }
  for (const auto& answer : written)
    require(!desk.wait(answer).error, "a write has failed");
  for (const auto& answer : scanned)
    require(!desk.wait(answer).error, "a scan has failed");
  for (const auto& answer : read) {
    const StorageRead result = desk.wait(answer);
    require(!result.error && result.entry, "a get has failed");
    require(*result.entry == entry_of("old", 1) || *result.entry == entry_of("new", 2), "a get gave what never was");
  }
  for (std::uint64_t i = 0; i < 100; ++i)
    require(desk.get(partition, numbered_key(i)) == entry_of("new", 2), "a write that was complete is not seen");
  for (const auto& answer : written)
    static_cast<void>(answer->result());  // none has been given twice meanwhile
}

void writes_keep_their_order(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  std::vector<AnswerOf<StorageWritten>> written;
  for (Version version = 1; version <= 100; ++version) {
    if (version % 33 == 0) written.push_back(start_drop(partition));
    const std::string own = "from " + std::to_string(version);
    const std::string number = std::to_string(version);
    const std::array changes{put_change("k", number, version), put_change(own, "x", version)};
    written.push_back(start_apply(partition, changes, number));
  }
  for (const auto& answer : written)
    require(!desk.wait(answer).error, "a write has failed");
  require(desk.get(partition, "k") == entry_of("100", 100), "writes under way have changed their order");
  require(!desk.get(partition, "from 98") && desk.get(partition, "from 99"),
          "a drop has changed its place among the writes");
  require(partition.statistics().entries == 3, "after writes under way the statistics are wrong");
  if (partition.is_durable()) require(partition.state() == "100", "the state is not that of the last apply");
}

void syncs_complete(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  desk.sync(partition, SyncFor::answer);
  desk.sync(partition, SyncFor::role);
  for (int round = 0; round < 5; ++round) {
    std::vector<AnswerOf<StorageWritten>> synced;
    for (int i = 0; i < 20; ++i) {
      const StorageChange change = put_change("k", "v", 1);
      static_cast<void>(desk.try_apply(partition, {&change, 1}));
      synced.push_back(start_sync(partition, i % 2 == 0 ? SyncFor::role : SyncFor::answer));
      synced.push_back(start_sync(desk.partition(static_cast<PartitionId>(i % 4))));
    }
    for (const auto& answer : synced)
      require(!desk.wait(answer).error, "a sync has failed");
  }
}

/// What a dropped handler leaves behind: nothing, since it is destroyed and never called.
struct Trace {
  std::atomic<int> alive = 0;
  std::atomic<int> called = 0;
};

class TracedHandler {
 public:
  explicit TracedHandler(std::shared_ptr<Trace> trace) : trace_(std::move(trace)) { ++trace_->alive; }
  TracedHandler(TracedHandler&& other) noexcept : trace_(other.trace_) { ++trace_->alive; }
  TracedHandler& operator=(TracedHandler&&) = delete;
  ~TracedHandler() { --trace_->alive; }
  template <typename Result>
  void operator()(Result) {
    ++trace_->called;
  }

 private:
  std::shared_ptr<Trace> trace_;
};

void destroyed_partition_drops_calls(Desk& desk) {
  for (PartitionId round = 0; round < 20; ++round) {
    PartitionStorage& partition = desk.partition(round);
    for (std::uint64_t i = 0; i < 50; ++i)
      desk.put(partition, numbered_key(i), "value", 1);
    const auto trace = std::make_shared<Trace>();
    for (std::uint64_t i = 0; i < 10; ++i) {
      const std::string key = numbered_key(i);
      const StorageChange change = put_change(key, "new", 2);
      static_cast<void>(partition.get(key, TracedHandler(trace)));
      static_cast<void>(partition.scan(0, 100, TracedHandler(trace)));
      static_cast<void>(partition.apply({&change, 1}, "state", TracedHandler(trace)));
      static_cast<void>(partition.sync(SyncFor::role, TracedHandler(trace)));
    }
    static_cast<void>(partition.drop(TracedHandler(trace)));
    desk.close(round);
    const int called = trace->called;
    require(trace->alive == 0, "a destroyed partition has kept a handler");
    // Others go on, and give what would still be called the time for it.
    desk.put(desk.partition(round + 100), "k", "v");
    desk.sync(desk.partition(round + 100));
    require(trace->called == called, "a destroyed partition has called a handler");
  }
}

void reopened_while_calls_were_under_way(Desk& desk) {
  Model model;
  for (int round = 0; round < 30; ++round) {
    PartitionStorage& partition = desk.partition();
    const Model before = desk.contents(partition);
    const std::string key = numbered_key(static_cast<std::uint64_t>(round));
    const StorageChange change = put_change(key, "value", 1);
    const auto written = start_apply(partition, {&change, 1});
    const bool was_complete = written->is_there();
    static_cast<void>(start_get(partition, key));
    desk.close();
    if (!desk.storage().is_durable()) continue;
    const Model after = desk.contents(desk.partition());
    model = before;
    apply_to_model(model, {&change, 1});
    require(after == model || (!was_complete && after == before), "a partition is not as it was left");
    desk.require_shows(desk.partition(), after);
  }
}

void threads_use_partitions_in_parallel(Desk& desk) {
  constexpr PartitionId kThreads = 4;
  std::array<std::string_view, kThreads> wrong;
  for (PartitionId id = 0; id < kThreads; ++id)
    static_cast<void>(desk.partition(id));
  std::vector<std::thread> threads;
  for (PartitionId id = 0; id < kThreads; ++id) {
    threads.emplace_back([&desk, &wrong, id] {
      try {
        Desk own(desk.subject());
        PartitionStorage& partition = own.partition(id + kThreads);
        Model model;
        std::mt19937_64 random(id);
        for (Version round = 1; round < 300; ++round) {
          const std::string key = numbered_key(random() % 50);
          const StorageChange change = random() % 4 == 0 ? erase_change(key) : put_change(key, key, round);
          own.apply(partition, {&change, 1});
          apply_to_model(model, {&change, 1});
          if (round % 50 == 0) own.sync(partition);
          if (round % 100 == 0) own.require_shows(partition, model);
        }
      } catch (const Broken&) {
        wrong[id] = "a partition that one thread uses is wrong while others use theirs";
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  for (const std::string_view sentence : wrong)
    require(sentence.empty(), sentence);
}

}  // namespace

std::span<const StorageCheck> call_checks() {
  using enum StorageCheck::Needs;
  static constexpr StorageCheck kChecks[] = {
      {"many calls under way complete, each once", nothing, run_body<many_calls_complete>},
      {"writes under way keep their order", nothing, run_body<writes_keep_their_order>},
      {"several syncs under way complete, each once", nothing, run_body<syncs_complete>},
      {"a destroyed partition drops the calls under way uncalled", nothing, run_body<destroyed_partition_drops_calls>},
      {"a partition opened again is as it was left, or empty", nothing, run_body<reopened_while_calls_were_under_way>},
      {"several threads use partitions in parallel", threads, run_body<threads_use_partitions_in_parallel>},
  };
  return kChecks;
}

}  // namespace dht::testing::checks
