#include "simulation/properties/answers.h"

#include <doctest/doctest.h>

#include <dht/error.h>

namespace dht::testing::simulation {
namespace {

TEST_CASE("each question is answered once; the first that is not is named") {
  AnswerBook book;
  CHECK_FALSE(book.unanswered());
  const auto get = book.ask("get of k");
  const auto join = book.ask("join of node1");
  CHECK(book.unanswered() == "the handler of a get of k was never called");
  CHECK_FALSE(book.answer(get));
  CHECK(book.unanswered() == "the handler of a join of node1 was never called");
  CHECK_FALSE(book.answer(join));
  CHECK_FALSE(book.unanswered());
}

TEST_CASE("a second answer is one too many") {
  AnswerBook book;
  const auto get = book.ask("get of k");
  CHECK_FALSE(book.answer(get));
  CHECK(book.answer(get) == "the handler of a get of k was called 2 times");
}

TEST_CASE("operations are answered with what their contract allows, and nothing else") {
  const Operation get{};
  const Operation put{.kind = Operation::Kind::put, .value = "v"};
  const Operation conditional{.kind = Operation::Kind::put, .value = "v", .precondition = Precondition::absent()};
  for (const Operation& any : {get, put, conditional}) {
    CHECK_FALSE(unlawful(any, {}));
    CHECK_FALSE(unlawful(any, Errc::not_applied));
    CHECK_FALSE(unlawful(any, Errc::stopped));
    CHECK_FALSE(unlawful(any, Errc::cancelled));
    CHECK_FALSE(unlawful(any, Errc::overloaded));
    CHECK(unlawful(any, Errc::corrupt));
    CHECK(unlawful(any, Errc::conflict));
    CHECK(unlawful(any, std::make_error_code(std::errc::io_error)));
  }
  CHECK(unlawful(get, Errc::outcome_unknown));
  CHECK_FALSE(unlawful(put, Errc::outcome_unknown));
  CHECK(unlawful(get, Errc::precondition_failed));
  CHECK(unlawful(put, Errc::precondition_failed));
  CHECK_FALSE(unlawful(conditional, Errc::precondition_failed));
}

}  // namespace
}  // namespace dht::testing::simulation
