// Disks that are slow: no call waits for them, and what waits keeps its order.
#include <atomic>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "trial.h"

namespace dht::testing {
namespace {

using Action = FaultFileSystem::Action;

/// Entries that are in a file, and of which nothing is in memory.
void fill_and_forget(Trial& trial, int entries) {
  trial.open();
  {
    const auto partition = trial.partition();
    for (int i = 0; i < entries; ++i)
      REQUIRE_FALSE(put(*partition, "key " + std::to_string(i), std::string(100, 'v')));
    REQUIRE(trial.rocks().Flush({}).ok());
  }
  trial.close();
  trial.open();
}

TEST_CASE("a get of what is in memory completes inline, another later, and the next inline again") {
  Trial trial;
  fill_and_forget(trial, 1000);
  const auto partition = trial.partition();
  trial.files().hold(Action::read, ".sst");
  std::promise<StorageRead> later;
  CHECK_FALSE(partition->get("key 7", [&](StorageRead read) { later.set_value(std::move(read)); }));
  trial.files().release();
  const StorageRead read = later.get_future().get();
  REQUIRE(read.entry);
  CHECK(read.entry->value.view() == std::string(100, 'v'));
  CHECK(partition->get("key 7", nullptr)->entry);
  REQUIRE_FALSE(put(*partition, "new", "w"));
  CHECK(partition->get("new", nullptr)->entry->value.view() == "w");
}

TEST_CASE("writes that wait for the disk keep their order, and syncs come after them") {
  Trial trial;
  fill_and_forget(trial, 1000);
  const auto partition = trial.partition();
  trial.files().hold(Action::read, ".sst");
  std::vector<int> order;
  std::mutex mutex;
  const auto note = [&](int number) {
    return [&, number](StorageWritten written) {
      const std::lock_guard lock(mutex);
      order.push_back(written.error ? -1 : number);
    };
  };
  const auto put_later = [&](int number, std::string_view key, std::string_view value) {
    const StorageChange change{StorageChange::Kind::put, key, value, 1, {}};
    CHECK_FALSE(partition->apply({&change, 1}, std::to_string(number), note(number)));
  };
  put_later(1, "key 5", "1");
  put_later(2, "key 5", "2");
  CHECK_FALSE(partition->sync(SyncFor::role, note(3)));
  CHECK(partition->statistics().entries == 1000);
  CHECK(partition->state().empty());
  put_later(4, "quite new", "4");
  CHECK_FALSE(partition->drop(note(5)));
  put_later(6, "last", "6");
  trial.files().release();
  REQUIRE_FALSE(sync(*partition));
  const std::lock_guard lock(mutex);
  std::erase(order, 3);  // it was handed on, and may complete after later writes
  CHECK(order == std::vector<int>{1, 2, 4, 5, 6});
  CHECK(partition->statistics() == StorageStatistics{1, 5});
  CHECK(partition->state() == "6");
}

TEST_CASE("a partition that goes while its calls wait for the disk does not wait for it") {
  Trial trial;
  fill_and_forget(trial, 1000);
  auto partition = trial.partition();
  trial.files().hold(Action::read, ".sst");
  const StorageChange change{StorageChange::Kind::put, "key 5", "new", 1, {}};
  const auto never = [](auto) { CHECK(false); };
  CHECK_FALSE(partition->get("key 7", never));
  CHECK_FALSE(partition->scan(0, 100, never));
  CHECK_FALSE(partition->apply({&change, 1}, {}, never));
  CHECK_FALSE(partition->sync(SyncFor::role, never));
  partition.reset();
  partition = trial.partition();
  CHECK(partition->statistics().entries == 1000);
  trial.files().release();
  const StorageRead read = get(*partition, "key 5");
  REQUIRE(read.entry);
  CHECK(read.entry->value.view() == std::string(100, 'v'));
}

TEST_CASE("a version that was asked for spares the write its look at the disk") {
  Trial trial;
  fill_and_forget(trial, 1000);
  const auto partition = trial.partition();
  const StorageStatistics before = partition->statistics();
  const StorageRead read =
      await<StorageRead>([&](StorageReadHandler later) { return partition->get_version("key 5", std::move(later)); });
  REQUIRE(read.entry);
  CHECK(read.entry->value.size() == 0);
  const StorageChange change{StorageChange::Kind::put, "key 5", "new", 1, {}};
  CHECK(partition->apply({&change, 1}, {}, nullptr));
  CHECK(partition->statistics() == StorageStatistics{1000, before.bytes - 97});
}

TEST_CASE("a version that was read before a change of the entries is not counted on") {
  Trial trial;
  fill_and_forget(trial, 1000);
  const auto partition = trial.partition();
  trial.files().hold(Action::read, ".sst");
  std::promise<StorageRead> later;
  CHECK_FALSE(partition->get_version("key 5", [&](StorageRead read) { later.set_value(std::move(read)); }));
  while (!trial.files().is_holding())
    std::this_thread::yield();
  CHECK(partition->drop(nullptr));
  trial.files().release();
  CHECK(later.get_future().get().entry);  // from before the drop
  REQUIRE_FALSE(put(*partition, "key 5", "new"));
  CHECK(partition->statistics() == StorageStatistics{1, 8});
}

TEST_CASE("writes that have to wait for a flush complete later, in order, and syncs do not wait with them") {
  Trial trial;
  trial.tuning.write_buffer_bytes = std::size_t{64} << 10;
  trial.open();
  const auto partition = trial.partition();
  const auto other = trial.partition(1);
  trial.files().hold(Action::write, ".sst");
  std::atomic<int> later = 0;
  std::atomic<int> wrong = 0;
  int inline_writes = 0;
  for (int i = 0; i < 600; ++i) {
    const std::string key = "key " + std::to_string(i);
    const std::string value(1000, 'v');
    const StorageChange change{StorageChange::Kind::put, key, value, 1, {}};
    const auto written = partition->apply({&change, 1}, std::to_string(i), [&, number = i](StorageWritten result) {
      if (result.error || number != inline_writes + later) ++wrong;
      ++later;
    });
    if (written && later == 0) ++inline_writes;
  }
  CHECK(inline_writes > 20);
  CHECK(inline_writes < 600);
  CHECK(later == 0);
  CHECK_FALSE(sync(*other));  // nothing of it waits
  trial.files().release();
  REQUIRE_FALSE(sync(*partition));
  CHECK(wrong == 0);
  CHECK(inline_writes + later == 600);
  CHECK(partition->statistics().entries == 600);
  CHECK(partition->state() == "599");
}

TEST_CASE("one sync of the log serves all who wait") {
  Trial trial;
  trial.open();
  const auto partition = trial.partition();
  REQUIRE_FALSE(put(*partition, "k", "v"));
  trial.files().hold(Action::sync, ".log");
  std::atomic<int> done = 0;
  const auto count = [&](StorageWritten) { ++done; };
  CHECK_FALSE(partition->sync(SyncFor::role, count));
  while (!trial.files().is_holding())
    std::this_thread::yield();
  const std::uint64_t before = trial.files().syncs();
  for (int i = 0; i < 50; ++i) {
    REQUIRE_FALSE(put(*partition, "k", "v"));
    CHECK_FALSE(partition->sync(SyncFor::answer, count));
  }
  CHECK(done == 0);
  trial.files().release();
  while (done < 51)
    std::this_thread::yield();
  CHECK(trial.files().syncs() <= before + 2);
  // Nothing was written since, so there is nothing to wait for.
  CHECK(partition->sync(SyncFor::role, nullptr));
}

TEST_CASE("without syncs for answers these complete inline, and those for a role do not") {
  Trial trial;
  trial.options.sync_answers = false;
  trial.open();
  const auto partition = trial.partition();
  REQUIRE_FALSE(put(*partition, "k", "v"));
  CHECK(partition->sync(SyncFor::answer, nullptr));
  trial.files().hold(Action::sync, ".log");
  std::promise<void> done;
  CHECK_FALSE(partition->sync(SyncFor::role, [&](StorageWritten) { done.set_value(); }));
  trial.files().release();
  done.get_future().get();
}

TEST_CASE("the space of a dropped partition is given back") {
  Trial trial;
  trial.tuning.reclaim_after = std::chrono::milliseconds(1);
  trial.tuning.reclaim_bytes = 1;
  trial.open();
  const auto partition = trial.partition(3);
  const auto other = trial.partition(4);
  std::mt19937_64 random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string value(1000, '\0');
    for (char& byte : value)
      byte = static_cast<char>(random());
    REQUIRE_FALSE(put(i % 10 == 0 ? *other : *partition, "key " + std::to_string(i), value));
  }
  REQUIRE(trial.rocks().Flush({}).ok());
  const auto table_bytes = [&trial] {
    std::uint64_t bytes = 0;
    REQUIRE(trial.rocks().GetIntProperty("rocksdb.live-sst-files-size", &bytes));
    return bytes;
  };
  CHECK(table_bytes() > 2'500'000);
  const auto dropped =
      await<StorageWritten>([&](StorageWriteHandler later) { return partition->drop(std::move(later)); });
  REQUIRE_FALSE(dropped.error);
  // What is deleted does not count before.
  for (std::uint64_t deletions = trial.files().deletions(); table_bytes() > 500'000; ++deletions)
    REQUIRE(trial.files().await_deletion_beyond(deletions));
  CHECK(scan(*other).chunk.entries.size() == 300);
}

}  // namespace
}  // namespace dht::testing
