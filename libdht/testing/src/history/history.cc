#include <fmt/format.h>

#include <dht/error.h>
#include <dht/testing/history.h>

namespace dht::testing {
namespace {

std::string condition_of(const Precondition& condition) {
  switch (condition.kind) {
    case Precondition::Kind::none:
      return "";
    case Precondition::Kind::absent:
      return " if absent";
    case Precondition::Kind::present:
      return " if present";
    case Precondition::Kind::version:
      break;
  }
  return fmt::format(" if version {}", condition.version);
}

std::string question_of(const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::get:
      return "get";
    case Operation::Kind::put:
      return fmt::format("put \"{}\"{}", operation.value, condition_of(operation.precondition));
    case Operation::Kind::erase:
      return "erase" + condition_of(operation.precondition);
    case Operation::Kind::merge:
      return operation.entry
                 ? fmt::format("merge \"{}\" version {}", operation.entry->value.view(), operation.entry->version)
                 : "merge nothing";
    case Operation::Kind::loss:
      break;
  }
  return "loss of the entry";
}

std::string result_of(const Operation& operation) {
  if (operation.kind == Operation::Kind::get) {
    return operation.entry ? fmt::format("\"{}\" version {}", operation.entry->value.view(), operation.entry->version)
                           : "nothing";
  }
  std::string text = "done";
  if (operation.version != 0) text += fmt::format(", version {}", operation.version);
  if (operation.existed) text += *operation.existed ? ", found an entry" : ", found none";
  return text;
}

}  // namespace

Operation::Outcome outcome_of(Operation::Kind kind, std::error_code error) noexcept {
  if (!error) return Operation::Outcome::done;
  if (error == Errc::precondition_failed) return Operation::Outcome::precondition_failed;
  // A get has no effect, whatever became of it.
  const bool is_certain = error.category() == error_category() && error != Errc::outcome_unknown;
  return is_certain || kind == Operation::Kind::get ? Operation::Outcome::not_applied : Operation::Outcome::unknown;
}

std::string to_string(const Operation& operation) {
  switch (operation.outcome) {
    case Operation::Outcome::done:
      return question_of(operation) + " -> " + result_of(operation);
    case Operation::Outcome::precondition_failed:
      return question_of(operation) + " -> precondition failed";
    case Operation::Outcome::not_applied:
      return question_of(operation) + " -> not applied";
    case Operation::Outcome::unknown:
      break;
  }
  return question_of(operation) + " -> unknown";
}

std::string in_seconds(Instant instant) {
  if (instant == Operation::kNever) return "never";
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(instant.since_start).count();
  return fmt::format("{}.{:06}", us / 1'000'000, us % 1'000'000);
}

}  // namespace dht::testing
