// Disks that fail while the storage is in use: it says so once, tries nothing again, and a restart finds all that was
// confirmed.
#include <atomic>
#include <csignal>
#include <thread>

#include <sys/resource.h>

#include <dht/error.h>

#include "trial.h"

namespace dht::testing {
namespace {

using Action = FaultFileSystem::Action;

/// Listens for the sentence.
class Listener {
 public:
  explicit Listener(Storage& storage) {
    storage.on_failure([told = told_, times = times_](std::string sentence) {
      if (++*times == 1) told->set_value(std::move(sentence));
    });
  }
  std::string sentence() {
    REQUIRE(future_.wait_for(std::chrono::seconds(60)) == std::future_status::ready);
    CHECK(*times_ == 1);
    return future_.get();
  }

 private:
  std::shared_ptr<std::promise<std::string>> told_ = std::make_shared<std::promise<std::string>>();
  std::shared_ptr<std::atomic<int>> times_ = std::make_shared<std::atomic<int>>(0);
  std::future<std::string> future_ = told_->get_future();
};

void require_failed(Storage& storage, PartitionStorage& partition, std::error_code code) {
  const StorageChange change{StorageChange::Kind::put, "k", "v", 1, {}};
  CHECK(partition.apply({&change, 1}, {}, nullptr)->error == code);
  CHECK(partition.get("k", nullptr)->error == code);
  CHECK(partition.get_version("k", nullptr)->error == code);
  CHECK(partition.scan(0, 1, nullptr)->error == code);
  CHECK(partition.sync(SyncFor::answer, nullptr)->error == code);
  CHECK(partition.sync(SyncFor::role, nullptr)->error == code);
  CHECK(partition.drop(nullptr)->error == code);
  CHECK(storage.remember("name", "record", nullptr)->error == code);
}

/// A storage with one confirmed entry, and then the trouble: a sync fails with that code.
void check_failing_sync(Action action, const rocksdb::IOStatus& status, std::error_code code, std::string_view words) {
  Trial trial;
  Storage& storage = trial.open();
  Listener listener(storage);
  {
    const auto partition = trial.partition();
    REQUIRE_FALSE(put(*partition, "confirmed", "v", "state"));
    REQUIRE_FALSE(sync(*partition, SyncFor::answer));
    trial.files().fail(action, ".log", status);
    REQUIRE_FALSE(put(*partition, "not confirmed", "v"));
    CHECK(sync(*partition, SyncFor::answer) == code);
    const std::string sentence = listener.sentence();
    CHECK(sentence.find(words) != std::string::npos);
    CHECK(sentence.find("Every write that was confirmed as durable is kept") != std::string::npos);
    CHECK(sentence.find(status.ToString()) != std::string::npos);
    // The disk works again, but nothing is tried.
    trial.files().fail_nothing();
    require_failed(storage, *partition, code);
    std::string again;
    storage.on_failure([&again](std::string told) { again = std::move(told); });
    CHECK(again == sentence);
  }
  trial.crash(true);
  trial.open();
  const auto partition = trial.partition();
  CHECK(get(*partition, "confirmed").entry);
  const std::string state = partition->state();
  CHECK((state == "state" || state.empty()));
}

TEST_CASE("a sync of the log that fails ends the storage") {
  check_failing_sync(Action::sync, rocksdb::IOStatus::IOError("injected"), std::make_error_code(std::errc::io_error),
                     " fails: ");
}

TEST_CASE("a write to the log that fails ends the storage") {
  check_failing_sync(Action::write, rocksdb::IOStatus::IOError("injected"), std::make_error_code(std::errc::io_error),
                     " fails: ");
}

TEST_CASE("a full disk ends the storage, and is named") {
  check_failing_sync(Action::write, rocksdb::IOStatus::NoSpace("injected"),
                     std::make_error_code(std::errc::no_space_on_device), " is full: ");
}

TEST_CASE("without syncs for answers a write that fails completes later, with the error") {
  Trial trial;
  trial.options.sync_answers = false;
  Storage& storage = trial.open();
  Listener listener(storage);
  const auto partition = trial.partition();
  REQUIRE_FALSE(put(*partition, "first", "v"));
  trial.files().fail(Action::write, ".log", rocksdb::IOStatus::NoSpace("injected"));
  std::promise<std::error_code> later;
  const StorageChange change{StorageChange::Kind::put, "k", "v", 1, {}};
  CHECK_FALSE(partition->apply({&change, 1}, {}, [&](StorageWritten written) { later.set_value(written.error); }));
  CHECK(later.get_future().get() == std::errc::no_space_on_device);
  CHECK(listener.sentence().find(" is full: ") != std::string::npos);
  require_failed(storage, *partition, std::make_error_code(std::errc::no_space_on_device));
}

TEST_CASE("a flush in the background that fails ends the storage, though no call was under way") {
  Trial trial;
  trial.tuning.write_buffer_bytes = std::size_t{64} << 10;
  Storage& storage = trial.open();
  Listener listener(storage);
  {
    const auto partition = trial.partition();
    REQUIRE_FALSE(put(*partition, "first", "v"));
    REQUIRE_FALSE(sync(*partition));
    trial.files().fail(Action::write, ".sst", rocksdb::IOStatus::NoSpace("injected"));
    // Writes that no longer fit are answered with the error, once it is known.
    for (int i = 0; i < 200; ++i) {
      if (put(*partition, "key " + std::to_string(i), std::string(1000, 'v'))) break;
    }
    CHECK(listener.sentence().find(" is full: ") != std::string::npos);
    require_failed(storage, *partition, std::make_error_code(std::errc::no_space_on_device));
  }
  trial.files().fail_nothing();
  trial.crash();
  trial.open();
  CHECK(get(*trial.partition(), "first").entry);
}

TEST_CASE("a remember that fails ends the storage, and the former record stays") {
  Trial trial;
  Storage& storage = trial.open();
  const auto remember = [](Storage& of, std::string_view record) {
    return await<StorageWritten>(
               [&](StorageWriteHandler later) { return of.remember("node", record, std::move(later)); })
        .error;
  };
  REQUIRE_FALSE(remember(storage, "first"));
  trial.files().fail(Action::sync, ".log", rocksdb::IOStatus::IOError("injected"));
  CHECK(remember(storage, "second") == std::errc::io_error);
  trial.files().fail_nothing();
  CHECK(storage.remember("node", "third", nullptr)->error == std::errc::io_error);
  trial.crash(true);
  const auto found = trial.open().recall("node");
  CHECK((found == "first" || found == "second"));
}

TEST_CASE("all calls under way when the storage fails complete with the error") {
  Trial trial;
  trial.open();
  const auto partition = trial.partition();
  trial.files().hold(Action::sync, ".log");
  trial.files().fail(Action::sync, ".log", rocksdb::IOStatus::IOError("injected"));
  std::atomic<int> failed = 0;
  for (int i = 0; i < 20; ++i) {
    REQUIRE_FALSE(put(*partition, "k", "v"));
    REQUIRE_FALSE(partition->sync(SyncFor::role, [&](StorageWritten written) { failed += written.error ? 1 : 100; }));
  }
  trial.files().release();
  while (failed < 20)
    std::this_thread::yield();
  CHECK(failed == 20);
}

/// While it lives files of this process cannot grow beyond some size, as on a disk that is full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit limit{bytes, before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

TEST_CASE("a system that lets files grow no more ends the storage, and a restart finds what was confirmed") {
  Trial trial;
  trial.tuning.env = rocksdb::Env::Default();
  Storage& storage = trial.open();
  Listener listener(storage);
  int confirmed = 0;
  {
    const auto partition = trial.partition();
    const FileSizeLimit limit(300'000);
    std::error_code error;
    for (; !error && confirmed < 2000; confirmed += error ? 0 : 1) {
      error = put(*partition, "key " + std::to_string(confirmed), std::string(1000, 'v'));
      if (!error) error = sync(*partition);
    }
    CHECK(error == std::errc::io_error);
    CHECK(listener.sentence().find("File too large") != std::string::npos);
    CHECK(confirmed > 100);
    CHECK(confirmed < 400);
  }
  trial.close();
  trial.open();
  const auto partition = trial.partition();
  const StorageScanned scanned = scan(*partition);
  REQUIRE_FALSE(scanned.error);
  CHECK(scanned.chunk.entries.size() >= static_cast<std::size_t>(confirmed));
  for (int i = 0; i < confirmed; ++i)
    CHECK(get(*partition, "key " + std::to_string(i)).entry);
}

TEST_CASE("nobody is told of a failure any more once the handler has been taken away") {
  Trial trial;
  Storage& storage = trial.open();
  std::atomic<int> told = 0;
  storage.on_failure([&told](std::string) { ++told; });
  storage.on_failure(nullptr);
  const auto partition = trial.partition();
  REQUIRE_FALSE(put(*partition, "k", "v"));
  trial.files().fail(Action::sync, ".log", rocksdb::IOStatus::IOError("injected"));
  CHECK(sync(*partition) == std::errc::io_error);
  CHECK(told == 0);
}

}  // namespace
}  // namespace dht::testing
