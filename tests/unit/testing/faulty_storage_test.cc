// FaultyStorage: does what the test orders, and otherwise what the storage below does.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/faulty_storage.h>
#include <dht/testing/late_storage.h>
#include <dht/testing/manual_scheduler.h>
#include <dht/testing/storage_checks.h>

namespace {

using namespace std::chrono_literals;
using namespace dht;
using testing::FaultyStorage;
using testing::LateStorage;
using testing::ManualScheduler;
using Call = FaultyStorage::Call;

const std::error_code kIoError = std::make_error_code(std::errc::io_error);

/// A faulty storage over one in memory, with one partition.
struct FaultyBench {
  ManualScheduler scheduler{};
  FaultyStorage storage{scheduler, make_memory_storage(1)};
  std::unique_ptr<PartitionStorage> partition = storage.open(ClusterId{1}, 0);
  std::vector<std::string> told{};  ///< what has completed later

  std::optional<StorageWritten> put(std::string_view key, std::string_view value = "v") {
    const StorageChange change{StorageChange::Kind::put, key, value, 1, {}};
    return partition->apply({&change, 1}, {}, note(std::string(key)));
  }
  Function<void(StorageWritten)> note(std::string name) {
    return [this, name = std::move(name)](StorageWritten written) {
      told.push_back(written.error ? name + " failed" : name);
    };
  }
  std::optional<StoredEntry> get(std::string_view key) { return partition->get(key, nullptr)->entry; }
};

using Told = std::vector<std::string>;

TEST_CASE("without orders everything goes to the storage below") {
  FaultyBench bench;
  CHECK_FALSE(bench.put("k")->error);
  CHECK(bench.get("k"));
  CHECK(bench.partition->statistics().entries == 1);
  CHECK(bench.partition->get_version("k", nullptr)->entry);
  CHECK(bench.partition->scan(0, 1, nullptr)->chunk.entries.size() == 1);
  CHECK_FALSE(bench.partition->sync(SyncFor::role, nullptr)->error);
  CHECK_FALSE(bench.storage.remember("name", "record", nullptr)->error);
  CHECK_FALSE(bench.partition->drop(nullptr)->error);
  CHECK(bench.storage.calls(Call::get) == 2);
  CHECK_FALSE(bench.storage.has_failed());
}

TEST_CASE("the call that is to fail inline fails, changes nothing, and others go on") {
  FaultyBench bench;
  bench.storage.fail_inline(Call::apply, kIoError, 2);
  CHECK_FALSE(bench.put("a")->error);
  CHECK(bench.put("b")->error == kIoError);
  CHECK_FALSE(bench.put("c")->error);
  CHECK(bench.partition->statistics().entries == 2);
  CHECK_FALSE(bench.get("b"));
  bench.storage.fail_inline(Call::get, kIoError);
  CHECK(bench.partition->get("a", nullptr)->error == kIoError);
  bench.storage.fail_inline(Call::scan, kIoError);
  CHECK(bench.partition->scan(0, 1, nullptr)->error == kIoError);
  bench.storage.fail_inline(Call::sync, kIoError);
  CHECK(bench.partition->sync(SyncFor::role, nullptr)->error == kIoError);
  bench.storage.fail_inline(Call::drop, kIoError);
  CHECK(bench.partition->drop(nullptr)->error == kIoError);
  bench.storage.fail_inline(Call::remember, kIoError);
  CHECK(bench.storage.remember("name", "record", nullptr)->error == kIoError);
  CHECK(bench.get("a"));
}

TEST_CASE("a write that fails later is not there, or is, and ends the storage") {
  for (const bool is_there : {false, true}) {
    FaultyBench bench;
    std::vector<std::string> sentences;
    bench.storage.on_failure([&](std::string sentence) { sentences.push_back(std::move(sentence)); });
    if (is_there) {
      bench.storage.fail_after_writing(Call::apply, kIoError);
    } else {
      bench.storage.fail_later(Call::apply, kIoError);
    }
    CHECK_FALSE(bench.put("k"));
    CHECK(bench.told.empty());
    CHECK(sentences.empty());
    CHECK(bench.put("l")->error == kIoError);
    bench.scheduler.run_until_idle();
    CHECK(bench.told == Told{"k failed"});
    CHECK(sentences.size() == 1);
    CHECK(bench.partition->get("k", nullptr)->error == kIoError);
    CHECK(bench.partition->statistics().entries == (is_there ? 1 : 0));
  }
}

TEST_CASE("a get that fails later fails alone") {
  FaultyBench bench;
  static_cast<void>(bench.put("k"));
  bench.storage.fail_later(Call::get, kIoError);
  std::optional<StorageRead> read;
  CHECK_FALSE(bench.partition->get("k", [&](StorageRead given) { read = std::move(given); }));
  bench.scheduler.run_until_idle();
  REQUIRE(read);
  CHECK(read->error == kIoError);
  CHECK(bench.get("k"));
}

TEST_CASE("a storage that has failed says so once, or at once where one asks later") {
  FaultyBench bench;
  std::string sentence;
  int times = 0;
  bench.storage.on_failure([&](std::string) { ++times; });
  bench.storage.on_failure([&](std::string told) {
    ++times;
    sentence = std::move(told);
  });
  bench.storage.fail_all(kIoError, "The disk is gone.");
  bench.storage.fail_all(kIoError, "The disk is gone again.");
  bench.scheduler.run_until_idle();
  CHECK(times == 1);
  CHECK(sentence == "The disk is gone.");
  bench.storage.on_failure([&](std::string) { ++times; });
  CHECK(times == 2);
  CHECK(bench.put("k")->error == kIoError);
  CHECK(bench.partition->sync(SyncFor::answer, nullptr)->error == kIoError);
  CHECK(bench.storage.remember("name", "record", nullptr)->error == kIoError);
}

TEST_CASE("calls that are held complete in their order when they are released") {
  FaultyBench bench;
  bench.storage.hold(Call::apply);
  CHECK_FALSE(bench.put("a"));
  CHECK_FALSE(bench.partition->drop(bench.note("drop")));
  CHECK_FALSE(bench.put("b"));
  CHECK_FALSE(bench.partition->sync(SyncFor::role, bench.note("sync")));
  CHECK_FALSE(bench.get("a"));  // a read need not wait
  CHECK(bench.storage.held() == 4);
  bench.scheduler.run_until_idle();
  CHECK(bench.told.empty());
  bench.storage.release(Call::apply);
  CHECK(bench.told.empty());
  bench.scheduler.run_until_idle();
  CHECK(bench.told == Told{"a", "drop", "b", "sync"});
  CHECK_FALSE(bench.get("a"));
  CHECK(bench.get("b"));
  CHECK_FALSE(bench.put("c")->error);
}

TEST_CASE("held syncs and records wait while writes go on, and fail with the storage") {
  FaultyBench bench;
  bench.storage.hold(Call::sync);
  bench.storage.hold(Call::remember);
  CHECK_FALSE(bench.put("a")->error);
  CHECK_FALSE(bench.partition->sync(SyncFor::role, bench.note("sync")));
  CHECK_FALSE(bench.storage.remember("name", "record", bench.note("remember")));
  bench.storage.fail_all(kIoError, "The disk is gone.");
  bench.scheduler.run_until_idle();
  std::ranges::sort(bench.told);
  CHECK(bench.told == Told{"remember failed", "sync failed"});
  CHECK(bench.storage.held() == 0);
}

TEST_CASE("a partition that goes drops the calls that are held, or have failed") {
  FaultyBench bench;
  bench.storage.hold(Call::get);
  CHECK_FALSE(bench.partition->get("k", [](StorageRead) { CHECK(false); }));
  bench.storage.fail_later(Call::apply, kIoError);
  CHECK_FALSE(bench.put("k"));
  bench.partition.reset();
  CHECK(bench.storage.held() == 0);
  bench.storage.release(Call::get);
  bench.scheduler.run_until_idle();
  CHECK(bench.told.empty());
}

TEST_CASE("calls that are held go to a storage that answers late") {
  ManualScheduler scheduler;
  FaultyStorage storage(scheduler, std::make_unique<LateStorage>(scheduler, 1ms));
  const auto partition = storage.open(ClusterId{1}, 0);
  storage.hold(Call::get);
  bool done = false;
  CHECK_FALSE(partition->get("k", [&](StorageRead read) { done = !read.error; }));
  scheduler.run_until_idle();
  CHECK_FALSE(done);
  storage.release(Call::get);
  scheduler.run_until_idle();
  CHECK(done);
}

/// Faulty, but without orders.
class FaultySubject final : public testing::StorageSubject {
 public:
  FaultySubject() { FaultySubject::reopen(); }
  Storage& storage() override { return *storage_; }
  void reopen() override {
    storage_.reset();
    storage_ = std::make_unique<FaultyStorage>(scheduler_, make_memory_storage());
  }
  bool run_until(const std::function<bool()>& condition) override { return scheduler_.run_until(condition); }

 private:
  ManualScheduler scheduler_;
  std::unique_ptr<Storage> storage_;
};

TEST_CASE("a faulty storage without orders is a storage") {
  for (const testing::StorageCheck& check : testing::storage_checks()) {
    FaultySubject subject;
    if (!applies(check, subject)) continue;
    const std::optional<std::string> wrong = check.run(subject);
    CHECK_MESSAGE(!wrong, check.name << ": " << wrong.value_or(""));
  }
}

}  // namespace
