#include "node/operation_table.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>

namespace dht::node {
namespace {

using namespace std::chrono_literals;

Instant at(std::chrono::milliseconds time) { return Instant{time}; }

/// A get that counts its answers.
OperationPtr get_operation(OperationTable& table, Instant deadline, int& answers) {
  auto operation = std::make_unique<Operation>();
  operation->id = table.next_id();
  operation->deadline = deadline;
  operation->on_get = [&answers](std::error_code, std::optional<Entry>) { ++answers; };
  return operation;
}

TEST_CASE("an operation is taken out once, by whoever comes first") {
  OperationTable table;
  int answers = 0;
  OperationPtr operation = get_operation(table, at(1s), answers);
  const OperationId id = operation->id;
  REQUIRE(table.add(operation));
  CHECK(table.size() == 1);
  auto taken = table.take(id);
  REQUIRE(taken != nullptr);
  taken->fail(Errc::not_applied);
  CHECK(table.take(id) == nullptr);
  CHECK(table.take_expired(at(2s)).empty());
  CHECK(answers == 1);
}

TEST_CASE("one that is not wanted stays where it is") {
  OperationTable table;
  int answers = 0;
  OperationPtr operation = get_operation(table, at(1s), answers);
  const OperationId id = operation->id;
  REQUIRE(table.add(operation, [](Operation& added) { added.state = Operation::State::sent; }));
  CHECK(table.take(id, [](const Operation& found) { return found.state != Operation::State::sent; }) == nullptr);
  CHECK(table.size() == 1);
  CHECK(table.take(id, [](const Operation& found) { return found.state == Operation::State::sent; }) != nullptr);
  CHECK(table.size() == 0);
}

TEST_CASE("operations expire in the order of their deadlines, those of one instant together") {
  OperationTable table;
  int answers = 0;
  std::vector<OperationId> ids;
  for (const auto deadline : {3s, 1s, 2s, 1s}) {
    OperationPtr operation = get_operation(table, at(deadline), answers);
    ids.push_back(operation->id);
    REQUIRE(table.add(operation));
  }
  CHECK(table.take_expired(at(999ms)).empty());
  const auto first = table.take_expired(at(1s));
  REQUIRE(first.size() == 2);
  CHECK(first[0]->id == ids[1]);
  CHECK(first[1]->id == ids[3]);
  CHECK(table.take_expired(at(10s)).size() == 2);
  CHECK(table.size() == 0);
}

TEST_CASE("any deadline is kept: near ones, past ones, and those further away than most") {
  OperationTable table;
  int answers = 0;
  std::vector<std::pair<std::chrono::milliseconds, OperationId>> expected;
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::chrono::milliseconds deadline(random() % 60'000);
    OperationPtr operation = get_operation(table, at(deadline), answers);
    const OperationId id = operation->id;
    REQUIRE(table.add(operation));
    if (i % 3 == 0) {
      CHECK(table.take(id) != nullptr);
    } else {
      expected.emplace_back(deadline, id);
    }
  }
  std::sort(expected.begin(), expected.end());
  auto next = expected.begin();
  std::chrono::milliseconds now{0};
  while (now < 61s) {
    // Mostly little by little, as a node does; at times after a long pause.
    now += std::chrono::milliseconds(random() % 100 == 0 ? random() % 20'000 : random() % 40);
    for (const OperationPtr& operation : table.take_expired(at(now))) {
      REQUIRE(next != expected.end());
      CHECK(operation->id == next->second);
      CHECK(next->first <= now);
      ++next;
    }
    CHECK((next == expected.end() || next->first > now));
  }
  CHECK(next == expected.end());
  OperationPtr late = get_operation(table, at(1s), answers);  // past already
  REQUIRE(table.add(late));
  CHECK(table.take_expired(at(now)).size() == 1);
}

TEST_CASE("a broken connection concerns what was sent over it, and nothing else") {
  OperationTable table;
  int answers = 0;
  const auto add_sent = [&](ConnectionId connection, Operation::Kind kind) {
    OperationPtr operation = get_operation(table, at(1s), answers);
    operation->kind = kind;
    operation->state = Operation::State::sent;
    operation->connection = connection;
    const OperationId id = operation->id;
    REQUIRE(table.add(operation));
    return id;
  };
  const OperationId read = add_sent(7, Operation::Kind::get);
  const OperationId write = add_sent(7, Operation::Kind::write);
  const OperationId elsewhere = add_sent(8, Operation::Kind::write);
  std::vector<OperationId> parked;
  const auto lost = table.take_sent(
      7, [](const Operation& operation) { return !operation.is_repeatable(); }, parked);
  REQUIRE(lost.size() == 1);
  CHECK(lost[0]->id == write);
  CHECK(parked == std::vector<OperationId>{read});
  CHECK(table.visit(read, [](const Operation& operation) { CHECK(operation.state == Operation::State::parked); }));
  CHECK(table.visit(elsewhere, [](const Operation& operation) { CHECK(operation.state == Operation::State::sent); }));
}

TEST_CASE("a closed table takes nothing in, and leaves it with the caller") {
  OperationTable table;
  int answers = 0;
  OperationPtr before = get_operation(table, at(1s), answers);
  REQUIRE(table.add(before));
  CHECK(table.take_all(true).size() == 1);
  OperationPtr after = get_operation(table, at(1s), answers);
  CHECK_FALSE(table.add(after));
  CHECK_FALSE(table.add(after, [](Operation&) { FAIL("it is not added"); }));
  after->fail(Errc::stopped);
  CHECK(answers == 1);
}

TEST_CASE("the table knows where its operations are") {
  OperationTable table;
  int answers = 0;
  OperationPtr operation = get_operation(table, at(1s), answers);
  operation->state = Operation::State::sent;
  operation->sent_to = NodeId{5};
  operation->in_cluster = ClusterId{6};
  REQUIRE(table.add(operation));
  CHECK(table.has_sent_to(NodeId{5}));
  CHECK_FALSE(table.has_sent_to(NodeId{6}));
  CHECK(table.has_in(ClusterId{6}));
  CHECK_FALSE(table.has_in(ClusterId{5}));
  CHECK_FALSE(table.has_in_replica());
  CHECK(table.take_in(ClusterId{5}).empty());
  CHECK(table.take_in(ClusterId{6}).size() == 1);
  CHECK(table.size() == 0);
}

}  // namespace
}  // namespace dht::node
