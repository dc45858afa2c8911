#include "replica/turns.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace dht::replica {
namespace {

/// Tasks that write down when their turn came.
struct Log {
  std::vector<std::string> lines;

  Turns::Task task(std::string line) {
    return [this, line = std::move(line)](Effects&) { lines.push_back(line); };
  }
};

const auto kNothing = [] {};

}  // namespace

TEST_CASE("a key is free until an operation on it goes to the storage, and again when that is back") {
  Turns turns;
  Effects effects;
  CHECK(turns.is_free("a"));
  turns.occupy("a");
  CHECK_FALSE(turns.is_free("a"));
  CHECK(turns.is_free("b"));
  turns.continue_with("a", effects, kNothing);
  CHECK(turns.is_free("a"));
  CHECK(turns.is_idle());
}

TEST_CASE("operations on one key take turns in order of arrival") {
  Turns turns;
  Effects effects;
  Log log;
  turns.occupy("a");
  turns.wait("a", log.task("first"));
  turns.wait("a", log.task("second"));
  CHECK(log.lines.empty());
  turns.continue_with("a", effects, [&] { log.lines.push_back("before"); });
  CHECK(log.lines == std::vector<std::string>{"before", "first", "second"});
  CHECK(turns.is_idle());
}

TEST_CASE("an operation that goes to the storage again keeps its key") {
  Turns turns;
  Effects effects;
  Log log;
  turns.occupy("a");
  turns.wait("a", log.task("next"));
  turns.continue_with("a", effects, [&] { turns.occupy("a"); });
  CHECK(log.lines.empty());
  turns.continue_with("a", effects, kNothing);
  CHECK(log.lines.size() == 1);
}

TEST_CASE("work that needs the partition alone waits for every key, and what comes after it waits for it") {
  Turns turns;
  Effects effects;
  Log log;
  turns.occupy("a");
  turns.occupy("b");
  turns.wait_alone(log.task("alone"), effects);
  CHECK_FALSE(turns.is_free("c"));
  turns.wait("c", log.task("c"));
  turns.wait("a", log.task("a again"));
  turns.continue_with("a", effects, kNothing);
  CHECK(log.lines.empty());
  turns.continue_with("b", effects, kNothing);
  CHECK(log.lines == std::vector<std::string>{"alone", "c", "a again"});
}

TEST_CASE("while alone work is with the storage nobody else is") {
  Turns turns;
  Effects effects;
  Log log;
  turns.wait_alone([&](Effects&) { turns.occupy_all(); }, effects);
  CHECK_FALSE(turns.is_free("a"));
  turns.wait("a", log.task("a"));
  turns.wait_alone(log.task("alone"), effects);
  CHECK(log.lines.empty());
  turns.continue_all(effects, [&] { log.lines.push_back("back"); });
  CHECK(log.lines == std::vector<std::string>{"back", "a", "alone"});
}

TEST_CASE("a task at the gate that goes to the storage holds back its own key alone") {
  Turns turns;
  Effects effects;
  Log log;
  turns.wait_alone([&](Effects&) { turns.occupy_all(); }, effects);
  turns.wait("a", [&](Effects&) { turns.occupy("a"); });
  turns.wait("a", log.task("a"));
  turns.wait("b", log.task("b"));
  turns.continue_all(effects, kNothing);
  CHECK(log.lines == std::vector<std::string>{"b"});
  turns.continue_with("a", effects, kNothing);
  CHECK(log.lines == std::vector<std::string>{"b", "a"});
}

TEST_CASE("a long queue is worked off without a deep stack") {
  Turns turns;
  Effects effects;
  int done = 0;
  turns.occupy("a");
  for (int i = 0; i < 200'000; ++i)
    turns.wait("a", [&](Effects&) { ++done; });
  turns.continue_with("a", effects, kNothing);
  CHECK(done == 200'000);
}

}  // namespace dht::replica
