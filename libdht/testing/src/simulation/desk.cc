#include "desk.h"

#include <utility>

#include <fmt/format.h>

namespace dht::testing::simulation {

std::string padded(const std::string& value, std::size_t padding) {
  if (padding == 0) return value;
  return fmt::format("{}+{}{}", value, padding, std::string(padding, '.'));
}

std::string head_of(std::string_view value) {
  const std::string_view head = value.substr(0, value.find('.'));
  const std::size_t plus = head.find('+');
  if (plus == std::string_view::npos) return std::string(value);
  const std::size_t length = value.size() - head.size();
  if (head.substr(plus + 1) == std::to_string(length)) return std::string(head);
  return fmt::format("{} of {} bytes", head, length);
}

OperationId Desk::ask(const Question& question, Answered answered) {
  Table& table = world_.cluster().table(question.place);
  const std::string value = padded(question.operation.value, question.padding);
  const WriteOptions options{.deadline = question.deadline, .precondition = question.operation.precondition};
  Open open = this->open(question, std::move(answered));
  if (question.operation.kind == Operation::Kind::get) {
    return table.get(question.key, ReadOptions{.deadline = question.deadline},
                     [this, open = std::move(open)](std::error_code error, std::optional<Entry> entry) mutable {
                       if (entry) open.operation.entry = Entry{Value(head_of(entry->value.view())), entry->version};
                       close(open, error);
                     });
  }
  WriteHandler handler = [this, open = std::move(open)](std::error_code error, WriteResult result) mutable {
    open.operation.version = result.version;
    if (!error) open.operation.existed = result.existed;
    close(open, error);
  };
  if (question.operation.kind == Operation::Kind::put)
    return table.put(question.key, value, options, std::move(handler));
  return table.erase(question.key, options, std::move(handler));
}

Desk::Open Desk::open(const Question& question, Answered answered) {
  Open open{.place = question.place, .operation = question.operation, .answered = std::move(answered)};
  open.is_taken_later = world_.cluster().is_paused(question.place) && world_.is_at_home(question.place);
  if (question.padding != 0) open.operation.value = head_of(padded(question.operation.value, question.padding));
  open.operation.invoked = world_.timeline().now();
  open.ticket = answers_.ask(
      fmt::format("{} of {}", question.operation.kind == Operation::Kind::get ? "get" : "write", question.key));
  if (question.on_record) open.line = ledger_.write(question.key, open.operation);
  ++under_way_[question.place];
  ++under_way_in_all_;
  ++asked_;
  return open;
}

void Desk::close(Open& open, std::error_code error) {
  if (auto twice = answers_.answer(open.ticket)) return findings_.add("answered once", std::move(twice));
  findings_.add("lawful answers", unlawful(open.operation, error));
  --under_way_[open.place];
  --under_way_in_all_;
  open.operation.outcome = outcome_of(open.operation.kind, error);
  if (is_from_elsewhere(open)) {
    open.operation.outcome = Operation::Outcome::unknown;
    open.operation.version = 0;
    open.operation.existed.reset();
    open.operation.entry.reset();
  }
  const bool is_known = open.operation.outcome != Operation::Outcome::unknown;
  if (is_known) open.operation.returned = world_.timeline().now();
  if (open.line) **open.line = open.operation;
  if (open.answered) open.answered(open.operation);
}

/// The process was given up while it stood still, and knew when it took the operation: its own table has answered, not
/// that of the home cluster. Of one that had begun before it stood still this is no excuse.
bool Desk::is_from_elsewhere(const Open& open) {
  return open.is_taken_later && open.operation.outcome != Operation::Outcome::not_applied &&
         world_.is_running(open.place) && !world_.is_at_home(open.place);
}

std::size_t Desk::under_way(std::size_t place) const {
  const auto found = under_way_.find(place);
  return found == under_way_.end() ? 0 : found->second;
}

}  // namespace dht::testing::simulation
