#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/table.h>

namespace {

using namespace dht;

/// Answers each operation from a thread of its own, with what it was told to answer.
class AnsweringTable final : public Table {
 public:
  ~AnsweringTable() override {
    for (std::thread& thread : threads_)
      thread.join();
  }

  std::error_code error;
  std::optional<Entry> entry;
  WriteResult written;
  std::vector<std::string> asked;

 private:
  OperationId do_get(std::string_view key, const ReadOptions& options, GetHandler handler) override {
    asked.push_back("get " + std::string(key) + " in " + std::to_string(options.deadline.count()));
    answer([this, handler = std::move(handler)]() mutable { handler(error, entry); });
    return 1;
  }
  OperationId do_write(const WriteRequest& request, const WriteOptions& options, WriteHandler handler) override {
    const bool is_put = request.kind == WriteRequest::Kind::put;
    const bool is_conditional = options.precondition != Precondition{};
    asked.push_back((is_put ? "put " + std::string(request.value) + " as " : "erase ") + std::string(request.key) +
                    (is_conditional ? " where version " + std::to_string(options.precondition.version) : ""));
    answer([this, handler = std::move(handler)]() mutable { handler(error, written); });
    return 1;
  }
  void do_cancel(OperationId) override {}

  template <typename Answer>
  void answer(Answer answer) {
    threads_.emplace_back(std::move(answer));
  }

  std::vector<std::thread> threads_;
};

TEST_CASE("blocking calls wait for the answer of another thread and return it") {
  AnsweringTable table;
  table.entry = Entry{Value(std::string_view("v")), 5};
  table.written = {6, true};
  CHECK(table.get("k") == table.entry);
  CHECK(table.put("k", "w") == table.written);
  CHECK(table.erase("k") == table.written);
  CHECK(table.asked == std::vector<std::string>{"get k in 5000", "put w as k", "erase k"});
}

TEST_CASE("options reach the implementation") {
  AnsweringTable table;
  table.get("k", ReadOptions{.deadline = std::chrono::milliseconds{70}});
  table.put("k", "v", WriteOptions{.precondition = Precondition::matches(3)});
  table.erase("k", WriteOptions{.precondition = Precondition::matches(4)});
  CHECK(table.asked ==
        std::vector<std::string>{"get k in 70", "put v as k where version 3", "erase k where version 4"});
}

TEST_CASE("an error is thrown, or put where the caller wants it; success clears what was there") {
  AnsweringTable table;
  table.error = Errc::not_applied;
  CHECK_THROWS_AS(table.get("k"), std::system_error);
  CHECK_THROWS_AS(table.put("k", "v"), std::system_error);
  CHECK_THROWS_AS(table.erase("k"), std::system_error);
  std::error_code error;
  table.get("k", error);
  CHECK(error == Errc::not_applied);
  table.error.clear();
  table.put("k", "v", error);
  CHECK_FALSE(error);
}

TEST_CASE("compare_and_set asks for an absent key where the expected version is zero, else for that version") {
  AnsweringTable table;
  CHECK(table.compare_and_set("k", 0, "v"));
  CHECK(table.compare_and_set("k", 9, "v"));
  CHECK(table.asked == std::vector<std::string>{"put v as k where version 0", "put v as k where version 9"});
  table.error = Errc::precondition_failed;
  CHECK_FALSE(table.compare_and_set("k", 9, "v"));
  table.error = Errc::outcome_unknown;
  CHECK_THROWS_AS(table.compare_and_set("k", 9, "v"), std::system_error);
}

}  // namespace
