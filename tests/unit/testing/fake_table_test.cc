#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/fake_table.h>

namespace {

using namespace dht;
using testing::FakeTable;
using testing::ManualScheduler;

TEST_CASE("an entry is read as it was put, is gone when erased, and the results say what was there before") {
  FakeTable table;
  CHECK_FALSE(table.get("k"));
  const WriteResult put = table.put("k", "v");
  CHECK_FALSE(put.existed);
  const auto entry = table.get("k");
  REQUIRE(entry);
  CHECK(entry->value.view() == "v");
  CHECK(entry->version == put.version);
  CHECK(table.size() == 1);
  CHECK(table.put("k", "").existed);
  CHECK(table.get("k")->value.size() == 0);
  CHECK(table.erase("k") == WriteResult{0, true});
  CHECK(table.erase("k") == WriteResult{0, false});
  CHECK_FALSE(table.get("k"));
}

TEST_CASE("versions grow with every put, over erasures too, and need their 64 bits") {
  FakeTable table;
  const Version first = table.put("k", "1").version;
  table.erase("k");
  const Version second = table.put("k", "2").version;
  CHECK(second > first);
  CHECK(table.put("other", "3").version > second);
  CHECK(first > std::uint64_t{1} << 32);
}

TEST_CASE("a write happens only where its precondition holds") {
  FakeTable table;
  const auto put = [&](Precondition precondition) {
    std::error_code error;
    table.put("k", "v", {.precondition = precondition}, error);
    return error;
  };
  CHECK(put(Precondition::present()) == Errc::precondition_failed);
  CHECK(put(Precondition::matches(5)) == Errc::precondition_failed);
  CHECK(table.size() == 0);
  CHECK_FALSE(put(Precondition::absent()));
  CHECK(put(Precondition::absent()) == Errc::precondition_failed);
  CHECK_FALSE(put(Precondition::present()));
  const Version version = table.get("k")->version;
  CHECK_FALSE(put(Precondition::matches(version)));
  CHECK(put(Precondition::matches(version)) == Errc::precondition_failed);
  std::error_code error;
  table.erase("k", {.precondition = Precondition::matches(version)}, error);
  CHECK(error == Errc::precondition_failed);
  CHECK(table.size() == 1);
}

TEST_CASE("compare_and_set tells whether it wrote, and throws for everything else") {
  FakeTable table;
  CHECK(table.compare_and_set("k", 0, "1"));
  CHECK_FALSE(table.compare_and_set("k", 0, "2"));
  const Version version = table.get("k")->version;
  CHECK(table.compare_and_set("k", version, "2"));
  CHECK_FALSE(table.compare_and_set("k", version, "3"));
  CHECK(table.get("k")->value.view() == "2");
  table.fail_next(Errc::not_applied);
  CHECK_THROWS_AS(table.compare_and_set("k", version, "3"), std::system_error);
}

TEST_CASE("empty and oversized keys and oversized values are refused, those at the limit taken") {
  FakeTable table({.max_key_bytes = 4, .max_value_bytes = 8});
  std::error_code error;
  table.put("", "v", error);
  CHECK(error == Errc::invalid_argument);
  table.get("", error);
  CHECK(error == Errc::invalid_argument);
  table.put("12345", "v", error);
  CHECK(error == Errc::too_large);
  table.get("12345", error);
  CHECK(error == Errc::too_large);
  table.put("1234", "123456789", error);
  CHECK(error == Errc::too_large);
  CHECK(table.size() == 0);
  table.put("1234", "12345678", error);
  CHECK_FALSE(error);
}

TEST_CASE("keys and values are any bytes") {
  FakeTable table;
  const std::string bytes("\0\xff\n", 3);
  table.put(bytes, bytes);
  CHECK(table.get(bytes)->value.view() == bytes);
  CHECK_FALSE(table.get(std::string("\0\xff", 2)));
}

TEST_CASE("blocking calls throw the error, with a sentence that names operation and key") {
  FakeTable table;
  table.fail_next(Errc::not_applied);
  try {
    table.get("colour");
    FAIL("nothing was thrown");
  } catch (const std::system_error& error) {
    CHECK(error.code() == Errc::not_applied);
    CHECK(std::string(error.what()).starts_with("get of key \"colour\": "));
  }
  table.fail_next(Errc::overloaded);
  CHECK_THROWS_WITH_AS(table.put(std::string(100, 'k'), "v"),
                       doctest::Contains(("put of key \"" + std::string(64, 'k') + "...\"").c_str()),
                       std::system_error);
  table.fail_next(Errc::stopped);
  CHECK_THROWS_WITH_AS(table.erase("k"), doctest::Contains("erase of key \"k\""), std::system_error);
}

TEST_CASE("errors on request come in their order, and nothing is done") {
  FakeTable table;
  table.fail_next(Errc::not_applied);
  table.fail_next(Errc::overloaded);
  std::error_code error;
  table.put("k", "v", error);
  CHECK(error == Errc::not_applied);
  table.put("k", "v", error);
  CHECK(error == Errc::overloaded);
  CHECK(table.size() == 0);
  table.put("k", "v", error);
  CHECK_FALSE(error);
}

TEST_CASE("a write whose answer is lost has been done all the same") {
  FakeTable table;
  table.apply_and_fail_next(Errc::outcome_unknown);
  std::error_code error;
  CHECK(table.put("k", "v", error) == WriteResult{});
  CHECK(error == Errc::outcome_unknown);
  CHECK(table.get("k")->value.view() == "v");
}

TEST_CASE("with a scheduler, operations complete in its tasks, in order") {
  ManualScheduler scheduler;
  FakeTable table(scheduler);
  std::string order;
  table.put("k", "v", [&](std::error_code, WriteResult) { order += 'p'; });
  table.get("k", [&](std::error_code, std::optional<Entry> entry) { order += entry ? 'g' : '-'; });
  CHECK(order.empty());
  CHECK(table.size() == 0);
  scheduler.run_until_idle();
  CHECK(order == "pg");
}

TEST_CASE("blocking calls run virtual time") {
  ManualScheduler scheduler;
  FakeTable table(scheduler);
  table.put("k", "v");
  CHECK(table.get("k")->value.view() == "v");
}

TEST_CASE("a cancelled operation does nothing and says so, once") {
  ManualScheduler scheduler;
  FakeTable table(scheduler);
  std::vector<std::error_code> results;
  const OperationId id = table.put("k", "v", [&](std::error_code error, WriteResult) { results.push_back(error); });
  CHECK(id != 0);
  table.cancel(id);
  table.cancel(id);
  scheduler.run_until_idle();
  CHECK(results == std::vector<std::error_code>{Errc::cancelled});
  CHECK(table.size() == 0);
}

TEST_CASE("cancelling what is done already, or zero, has no effect") {
  ManualScheduler scheduler;
  FakeTable table(scheduler);
  int calls = 0;
  const OperationId id = table.put("k", "v", [&](std::error_code, WriteResult) { ++calls; });
  scheduler.run_until_idle();
  table.cancel(id);
  table.cancel(0);
  CHECK(calls == 1);
  CHECK(table.size() == 1);
}

TEST_CASE("a destroyed table fails what is under way with stopped") {
  ManualScheduler scheduler;
  std::error_code result;
  {
    FakeTable table(scheduler);
    table.get("k", [&](std::error_code error, std::optional<Entry>) { result = error; });
  }
  CHECK(result == Errc::stopped);
  CHECK(scheduler.run_until_idle());
}

TEST_CASE("a handler may begin the next operation") {
  FakeTable table;
  std::string found;
  table.put("k", "v", [&](std::error_code, WriteResult) {
    table.get("k", [&](std::error_code, std::optional<Entry> entry) { found = entry.value().value.view(); });
  });
  CHECK(found == "v");
}

TEST_CASE("several threads may use one table: no increment by compare_and_set is lost") {
  FakeTable table;
  table.put("count", "0");
  const auto add = [&table] {
    for (int i = 0; i < 200;) {
      const auto entry = table.get("count");
      const int next = std::stoi(std::string(entry->value.view())) + 1;
      if (table.compare_and_set("count", entry->version, std::to_string(next))) ++i;
    }
  };
  std::thread first(add);
  std::thread second(add);
  first.join();
  second.join();
  CHECK(table.get("count")->value.view() == "400");
}

}  // namespace
