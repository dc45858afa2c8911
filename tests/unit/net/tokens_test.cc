// Completion tokens: operations of a Table as callbacks, futures and coroutines.
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <doctest/doctest.h>

#include <dht/asio.h>

namespace dht {
namespace {

/// Answers at once, or when the test says so.
class SmallTable final : public Table {
 public:
  bool at_once = true;
  std::vector<Function<void(std::error_code)>> waiting;
  std::vector<OperationId> cancelled;
  std::map<std::string, std::string> entries;

  void answer_all(std::error_code error = {}) {
    for (auto& answer : std::exchange(waiting, {}))
      answer(error);
  }

 private:
  OperationId do_get(std::string_view key, const ReadOptions&, GetHandler handler) override {
    return later([this, key = std::string(key), handler = std::move(handler)](std::error_code error) mutable {
      const auto found = entries.find(key);
      if (error || found == entries.end()) return handler(error, std::nullopt);
      handler(error, Entry{Value(found->second), 1});
    });
  }
  OperationId do_write(const WriteRequest& request, const WriteOptions&, WriteHandler handler) override {
    return later([this, kind = request.kind, key = std::string(request.key), value = std::string(request.value),
                  handler = std::move(handler)](std::error_code error) mutable {
      if (error) return handler(error, {});
      const bool existed = entries.erase(key) != 0;
      if (kind == WriteRequest::Kind::put) entries[key] = value;
      handler(error, {1, existed});
    });
  }
  void do_cancel(OperationId operation) override { cancelled.push_back(operation); }

  OperationId later(Function<void(std::error_code)> answer) {
    waiting.push_back(std::move(answer));
    if (at_once) answer_all();
    return ++last_id_;
  }

  OperationId last_id_ = 0;
};

TEST_CASE("a handler runs on its executor, never inside the initiating call") {
  asio::io_context loop;
  SmallTable table;
  table.entries["key"] = "value";
  std::optional<Entry> got;
  async_get(table, "key", asio::bind_executor(loop, [&](std::error_code error, std::optional<Entry> entry) {
              CHECK_FALSE(error);
              got = std::move(entry);
            }));
  CHECK_FALSE(got);
  loop.run();
  REQUIRE(got);
  CHECK(got->value.view() == "value");
}

TEST_CASE("an operation under way is work for its executor") {
  asio::io_context loop;
  SmallTable table;
  table.at_once = false;
  bool called = false;
  async_put(table, "key", "value", asio::bind_executor(loop, [&](std::error_code error, WriteResult result) {
              CHECK_FALSE(error);
              CHECK(result.version == 1);
              called = true;
            }));
  loop.poll();
  CHECK_FALSE(loop.stopped());
  std::thread([&] { table.answer_all(); }).join();  // on a thread that is not the loop's
  CHECK_FALSE(called);
  loop.run();
  CHECK(called);
  CHECK(table.entries.at("key") == "value");
}

TEST_CASE("a future gives the result or throws") {
  SmallTable table;
  table.entries["key"] = "value";
  CHECK(async_get(table, "key", asio::use_future).get()->value.view() == "value");
  CHECK(async_erase(table, "key", asio::use_future).get().existed);
  CHECK_FALSE(async_get(table, "key", asio::use_future).get());
  // The error on an executor of ours: an exception that another thread lets go of looks like a race to TSan.
  asio::io_context loop;
  table.at_once = false;
  auto future = async_get(table, "key", asio::bind_executor(loop, asio::use_future));
  table.answer_all(Errc::not_applied);
  loop.run();
  CHECK_THROWS_AS(future.get(), std::system_error);
}

TEST_CASE("options reach the table and both forms of each call compile") {
  asio::io_context loop;
  SmallTable table;
  int called = 0;
  auto written = asio::bind_executor(loop, [&](std::error_code, WriteResult) { ++called; });
  async_put(table, "key", "value", WriteOptions{.precondition = Precondition::absent()}, written);
  async_erase(table, "key", WriteOptions{}, written);
  async_get(table, "key", ReadOptions{std::chrono::milliseconds(5)},
            asio::bind_executor(loop, [&](std::error_code, std::optional<Entry>) { ++called; }));
  loop.run();
  CHECK(called == 3);
}

TEST_CASE("a cancellation reaches the table while the operation is under way, and not afterwards") {
  asio::io_context loop;
  asio::cancellation_signal signal;
  std::optional<SmallTable> table(std::in_place);
  table->at_once = false;
  bool called = false;
  async_get(
      *table, "key",
      asio::bind_cancellation_slot(
          signal.slot(), asio::bind_executor(loop, [&](std::error_code, std::optional<Entry>) { called = true; })));
  signal.emit(asio::cancellation_type::total);
  CHECK(table->cancelled == std::vector<OperationId>{1});
  table->answer_all(Errc::cancelled);
  loop.run();
  CHECK(called);
  table.reset();
  signal.emit(asio::cancellation_type::terminal);  // must not touch the table, which is gone
}

TEST_CASE("a write obeys only a cancellation that allows for side effects") {
  asio::io_context loop;
  asio::cancellation_signal signal;
  SmallTable table;
  table.at_once = false;
  async_put(
      table, "key", "value",
      asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(loop, [](std::error_code, WriteResult) {})));
  signal.emit(asio::cancellation_type::total);
  CHECK(table.cancelled.empty());
  signal.emit(asio::cancellation_type::partial);
  CHECK(table.cancelled.size() == 1);
  table.answer_all(Errc::outcome_unknown);
  loop.run();
}

#if defined(ASIO_HAS_CO_AWAIT)
asio::awaitable<void> put_get_erase(Table& table, std::string& log) {
  const WriteResult written = co_await async_put(table, "key", "value", asio::use_awaitable);
  log += written.existed ? "overwrote " : "inserted ";
  const auto entry = co_await async_get(table, "key", asio::use_awaitable);
  log += std::string(entry->value.view()) + " ";
  // The operation starts when it is awaited, after the strings that named the key and value are gone.
  auto later = async_put(table, std::string(100, 'k'), std::string(100, 'v'), asio::use_awaitable);
  co_await std::move(later);
  co_await async_erase(table, "key", asio::use_awaitable);
  log += co_await async_get(table, "key", asio::use_awaitable) ? "still there" : "gone";
}

TEST_CASE("a coroutine awaits operations") {
  asio::io_context loop;
  SmallTable table;
  std::string log;
  asio::co_spawn(loop, put_get_erase(table, log), asio::detached);
  loop.run();
  CHECK(log == "inserted value gone");
  CHECK(table.entries.at(std::string(100, 'k')) == std::string(100, 'v'));
}
#endif

}  // namespace
}  // namespace dht
