#include "key_model.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace dht::testing::history {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;
using Demand = Step::Demand;

bool is_loss(const Operation& operation) { return operation.kind == Kind::loss; }

/// The entries that a history speaks of: each has a value, written once, and one version. A version is given once, as
/// long as nothing is lost: then the clock is lost, too. An entry that a joining node brings may bear any version.
class Entries {
 public:
  Entries(std::span<const Operation> history, bool one_clock) {
    for (const Operation& operation : history) {
      if (operation.kind == Kind::put) add(operation.value);
    }
    for (const Operation& operation : history) {
      if (operation.kind == Kind::merge && find(operation.entry->value.view()) == kNobodys)
        add(operation.entry->value.view());
    }
    for (const Operation& operation : history) {
      if (operation.entry) learn(operation.entry->value.view(), operation.entry->version);
      if (operation.kind == Kind::put) learn(operation.value, operation.version);
    }
    if (!one_clock || std::any_of(history.begin(), history.end(), is_loss)) return;
    std::set<Version> given;
    for (const Operation& operation : history) {
      if (operation.kind == Kind::put) note_given(operation.value, given);
    }
  }

  EntryNumber find(std::string_view value) const {
    const auto found = numbers_.find(value);
    return found == numbers_.end() ? kNobodys : found->second;
  }
  std::vector<Version> versions() && { return std::move(versions_); }
  std::optional<std::string> contradiction() && { return std::move(contradiction_); }

 private:
  void add(std::string_view value) {
    const auto number = static_cast<EntryNumber>(versions_.size());
    if (!numbers_.emplace(value, number).second)
      throw std::invalid_argument(fmt::format("the value \"{}\" is written twice in one history", value));
    versions_.push_back(0);
  }

  void learn(std::string_view value, Version version) {
    const EntryNumber number = find(value);
    if (number == kNobodys || version == 0) return;
    const Version before = std::exchange(versions_[number], version);
    if (before != 0 && before != version)
      contradiction_ = fmt::format("the value \"{}\" has two versions, {} and {}", value, before, version);
  }

  void note_given(std::string_view value, std::set<Version>& given) {
    const Version version = versions_[find(value)];
    if (version != 0 && !given.insert(version).second)
      contradiction_ = fmt::format("version {} was given to \"{}\" and to another value", version, value);
  }

  std::map<std::string, EntryNumber, std::less<>> numbers_;
  std::vector<Version> versions_{0};
  std::optional<std::string> contradiction_;
};

/// What must hold before a conditional write that succeeds.
Demand success_of(const Precondition& condition) {
  switch (condition.kind) {
    case Precondition::Kind::none:
      return Demand::anything;
    case Precondition::Kind::absent:
      return Demand::absent;
    case Precondition::Kind::present:
      return Demand::present;
    case Precondition::Kind::version:
      break;
  }
  return Demand::version;
}

/// What must hold before one whose condition fails.
Demand failure_of(const Precondition& condition) {
  switch (condition.kind) {
    case Precondition::Kind::none:
      return Demand::nothing;
    case Precondition::Kind::absent:
      return Demand::present;
    case Precondition::Kind::present:
      return Demand::absent;
    case Precondition::Kind::version:
      break;
  }
  return Demand::not_version;
}

Step step_of(const Operation& operation, const Entries& entries) {
  Step step;
  step.invoked = operation.invoked;
  step.returned = operation.returned;
  step.required = operation.outcome != Outcome::unknown;
  if (step.required) step.existed = operation.existed;
  switch (operation.kind) {
    case Kind::get:
      step.demand = operation.entry ? Demand::entry : Demand::absent;
      if (operation.entry) step.entry = entries.find(operation.entry->value.view());
      return step;
    case Kind::merge:
      step.demand = Demand::older;
      step.version = operation.entry->version == 0 ? UINT64_MAX : operation.entry->version;
      step.leaves = entries.find(operation.entry->value.view());
      return step;
    case Kind::loss:
      step.leaves = kAbsent;
      return step;
    case Kind::put:
    case Kind::erase:
      break;
  }
  step.version = operation.precondition.version;
  if (operation.outcome == Outcome::precondition_failed) {
    step.demand = failure_of(operation.precondition);
    return step;
  }
  step.demand = success_of(operation.precondition);
  step.leaves = operation.kind == Kind::put ? entries.find(operation.value) : kAbsent;
  return step;
}

bool matters(const Operation& operation) {
  const bool had_no_effect = operation.kind == Kind::get && operation.outcome != Outcome::done;
  return operation.outcome != Outcome::not_applied && !had_no_effect;
}

}  // namespace

KeyModel::KeyModel(std::span<const Operation> history, bool one_clock) {
  Entries entries(history, one_clock);
  for (std::size_t at = 0; at < history.size(); ++at) {
    if (!matters(history[at])) continue;
    steps_.push_back(step_of(history[at], entries));
    steps_.back().operation = at;
  }
  std::stable_sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) { return a.invoked < b.invoked; });
  versions_ = std::move(entries).versions();
  contradiction_ = std::move(entries).contradiction();
}

bool KeyModel::holds(const Step& step, EntryNumber state) const noexcept {
  switch (step.demand) {
    case Demand::anything:
      return true;
    case Demand::nothing:
      return false;
    case Demand::absent:
      return state == kAbsent;
    case Demand::present:
      return state != kAbsent;
    case Demand::entry:
      return state == step.entry;
    case Demand::version:
      return state != kAbsent && versions_[state] == step.version;
    case Demand::not_version:
      return state == kAbsent || versions_[state] != step.version;
    case Demand::older:
      break;
  }
  return state == kAbsent || versions_[state] < step.version;
}

std::optional<EntryNumber> KeyModel::apply(const Step& step, EntryNumber state) const noexcept {
  if (step.existed && *step.existed != (state != kAbsent)) return std::nullopt;
  if (!holds(step, state)) return std::nullopt;
  return step.leaves.value_or(state);
}

}  // namespace dht::testing::history
