// Files that were damaged while nobody used them: what was confirmed is never left out without a word.
#include <dht/error.h>

#include "trial.h"

namespace dht::testing {
namespace {

constexpr int kEntries = 40;

/// Entries that are synced in several groups, and then the end of the process: all of it is in the log.
void fill_log(Trial& trial, int entries = kEntries) {
  trial.open();
  {
    const auto partition = trial.partition();
    for (int i = 0; i < entries; ++i) {
      REQUIRE_FALSE(put(*partition, "key " + std::to_string(i), std::string(100, 'v')));
      if (i % 7 == 0 || i == entries - 1) REQUIRE_FALSE(sync(*partition));
    }
  }
  trial.crash();
}

std::size_t entries_of(Trial& trial) {
  const auto partition = trial.partition();
  const StorageScanned scanned = scan(*partition);
  REQUIRE_FALSE(scanned.error);
  CHECK(partition->statistics().entries == scanned.chunk.entries.size());
  return scanned.chunk.entries.size();
}

void require_all_there(Trial& trial) {
  const std::optional<Refusal> refusal = trial.try_open();
  REQUIRE_MESSAGE(!refusal, refusal.value_or(Refusal{}).sentence);
  CHECK(entries_of(trial) == kEntries);
}

TEST_CASE("a byte that flipped anywhere in the synced log is noticed") {
  Trial trial;
  fill_log(trial);
  const std::filesystem::path log = trial.largest(".log");
  const std::uint64_t size = std::filesystem::file_size(log);
  REQUIRE(size > kEntries * 100);
  for (std::uint64_t at = 0; at < size; at += 97) {
    CAPTURE(at);
    flip_byte(log, at);
    const Refusal refusal = trial.require_refused();
    CHECK(refusal.code == Errc::corrupt);
    CHECK(refusal.says("is damaged"));
    CHECK(refusal.says("Nothing was changed."));
    flip_byte(log, at);
  }
  // The last byte belongs to the number of the last sync.
  flip_byte(log, size - 1);
  CHECK(trial.require_refused().says("writes that were confirmed cannot be read"));
  flip_byte(log, size - 1);
  require_all_there(trial);
}

TEST_CASE("a synced log that was cut off or lost is noticed") {
  Trial trial;
  fill_log(trial);
  const std::filesystem::path log = trial.largest(".log");
  const std::uint64_t size = std::filesystem::file_size(log);
  for (const std::uint64_t left : {size - 1, size / 2, std::uint64_t{1}, std::uint64_t{0}}) {
    std::filesystem::resize_file(log, left);
    CHECK(trial.require_refused().code == Errc::corrupt);
  }
  std::filesystem::remove(log);
  CHECK(trial.require_refused().code == Errc::corrupt);
}

TEST_CASE("a torn end of the log that was not synced is left out") {
  Trial trial;
  trial.options.sync_answers = false;  // so that what is not synced is in the file
  fill_log(trial);
  const std::uint64_t synced = std::filesystem::file_size(trial.largest(".log"));
  std::filesystem::remove_all(trial.path());
  trial.open();
  {
    const auto partition = trial.partition();
    for (int i = 0; i < kEntries; ++i) {
      REQUIRE_FALSE(put(*partition, "key " + std::to_string(i), std::string(100, 'v')));
      if (i % 7 == 0 || i == kEntries - 1) REQUIRE_FALSE(sync(*partition));
    }
    for (int i = 0; i < 10; ++i)
      REQUIRE_FALSE(put(*partition, "more " + std::to_string(i), "v"));
  }
  trial.crash();
  const std::filesystem::path original = trial.path();
  const std::filesystem::path log = trial.largest(".log");
  const std::uint64_t written = std::filesystem::file_size(log);
  REQUIRE(written > synced + 200);
  for (const std::uint64_t left : {written - 3, synced + 100, synced + 1, synced}) {
    CAPTURE(left);
    const std::filesystem::path copy = original.string() + "-copy";
    std::filesystem::copy(original, copy);
    std::filesystem::resize_file(copy / log.filename(), left);
    trial.options.directory = copy.string();
    const std::optional<Refusal> refusal = trial.try_open();
    REQUIRE_FALSE(refusal);
    CHECK(entries_of(trial) >= kEntries);
    CHECK(entries_of(trial) < kEntries + 10);
    trial.close();
    std::filesystem::remove_all(copy);
    trial.options.directory = original.string();
  }
  flip_byte(log, written - 5);
  REQUIRE_FALSE(trial.try_open());
  CHECK(entries_of(trial) == kEntries + 9);
}

TEST_CASE("a file of the last sync that is missing, short or garbled refuses nothing") {
  for (const std::string& bytes :
       {std::string(), std::string(5, 'x'), std::string(16, '\xff'), std::string(16, '\0'), std::string(100, 'z')}) {
    Trial trial;
    fill_log(trial);
    write_file(trial.path() / "synced", bytes);
    require_all_there(trial);
    trial.crash();
    require_all_there(trial);
  }
  Trial trial;
  fill_log(trial);
  std::filesystem::remove(trial.path() / "synced");
  require_all_there(trial);
}

TEST_CASE("a file of the last sync that is older than the log refuses nothing") {
  Trial trial;
  fill_log(trial, 10);
  const auto old = files_in(trial.path()).at("synced");
  fill_log(trial);
  CHECK(files_in(trial.path()).at("synced") != old);
  write_file(trial.path() / "synced", old);
  require_all_there(trial);
}

TEST_CASE("damage in a file of entries is found when it is read, and ends the storage") {
  Trial trial;
  trial.open();
  {
    const auto partition = trial.partition();
    for (int i = 0; i < 2000; ++i)
      REQUIRE_FALSE(put(*partition, "key " + std::to_string(i), std::string(100, static_cast<char>('a' + i % 26))));
    REQUIRE(trial.rocks().Flush({}).ok());
  }
  trial.close();
  const std::filesystem::path table = trial.largest(".sst");
  for (std::uint64_t at = 5000; at < std::filesystem::file_size(table) / 2; at += 4000)
    flip_byte(table, at);
  const auto before = files_in(trial.path()).at(table.filename().string());
  Storage& storage = trial.open();
  std::promise<std::string> told;
  storage.on_failure([&](std::string sentence) { told.set_value(std::move(sentence)); });
  {
    const auto partition = trial.partition();
    const StorageScanned scanned = scan(*partition);
    CHECK(scanned.error == Errc::corrupt);
    CHECK(scanned.chunk.entries.empty());
    const std::string sentence = told.get_future().get();
    CHECK(sentence.starts_with("Damaged data was found in " + trial.options.directory));
    CHECK(sentence.find("Corruption") != std::string::npos);
    CHECK(sentence.find("start the node again") != std::string::npos);
    const StorageChange change{StorageChange::Kind::put, "k", "v", 1, {}};
    CHECK(partition->apply({&change, 1}, {}, nullptr)->error == Errc::corrupt);
    CHECK(partition->get("key 1", nullptr)->error == Errc::corrupt);
    CHECK(partition->sync(SyncFor::role, nullptr)->error == Errc::corrupt);
  }
  trial.close();
  CHECK(files_in(trial.path()).at(table.filename().string()) == before);
}

}  // namespace
}  // namespace dht::testing
