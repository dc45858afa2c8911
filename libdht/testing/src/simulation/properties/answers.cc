#include "answers.h"

#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

namespace dht::testing::simulation {

AnswerBook::Ticket AnswerBook::ask(std::string what) {
  questions_.push_back({std::move(what)});
  return questions_.size() - 1;
}

std::optional<std::string> AnswerBook::answer(Ticket ticket) {
  Question& question = questions_[ticket];
  if (++question.answers == 1) return std::nullopt;
  return fmt::format("the handler of a {} was called {} times", question.what, question.answers);
}

std::optional<std::string> AnswerBook::unanswered() const {
  for (const Question& question : questions_) {
    if (question.answers == 0) return fmt::format("the handler of a {} was never called", question.what);
  }
  return std::nullopt;
}

std::optional<std::string> unlawful(const Operation& operation, std::error_code error) {
  const bool is_write = operation.kind != Operation::Kind::get;
  const bool is_conditional = operation.precondition.kind != Precondition::Kind::none;
  const bool is_lawful = !error || error == Errc::not_applied || error == Errc::overloaded ||
                         error == Errc::cancelled || error == Errc::stopped ||
                         (error == Errc::outcome_unknown && is_write) ||
                         (error == Errc::precondition_failed && is_write && is_conditional);
  if (is_lawful) return std::nullopt;
  return fmt::format("\"{}\" was answered with \"{}\"", to_string(operation), error.message());
}

}  // namespace dht::testing::simulation
