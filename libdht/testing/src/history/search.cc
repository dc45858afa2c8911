#include "search.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace dht::testing::history {
namespace {

bool is_open(const Step& step) { return !step.required && step.returned == Operation::kNever; }

void insert(Steps& steps, std::size_t number) {
  steps[number / kBitsPerWord] |= std::uint64_t{1} << (number % kBitsPerWord);
}
void erase(Steps& steps, std::size_t number) {
  steps[number / kBitsPerWord] &= ~(std::uint64_t{1} << (number % kBitsPerWord));
}

}  // namespace

Search::Search(const KeyModel& model, std::size_t max_configurations)
    : model_(model),
      steps_(model.steps()),
      limit_(max_configurations),
      required_(steps_.size() / kBitsPerWord + 1),
      placed_(required_.size()) {
  for (StepNumber number = 0; number < steps_.size(); ++number) {
    if (steps_[number].required) {
      insert(required_, number);
      ++missing_;
    } else if (!is_open(steps_[number])) {
      closing_.push_back(number);
    }
  }
  fewest_missing_ = missing_;
}

Verdict Search::run() {
  if (solve(kAbsent)) return Verdict::linearizable;
  return gave_up_ ? Verdict::undecided : Verdict::violated;
}

std::vector<std::size_t> Search::order() const {
  std::vector<std::size_t> places;
  for (const StepNumber number : missing_ == 0 ? order_ : longest_)
    places.push_back(steps_[number].operation);
  return places;
}

bool Search::solve(EntryNumber state) {
  if (missing_ == 0) return true;
  if (!is_new(state)) return false;
  const Candidates candidates = this->candidates();
  for (const StepNumber number : candidates.required) {
    const auto next = model_.apply(steps_[number], state);
    if (next && place_and_solve(number, *next)) return true;
  }
  for (const StepNumber number : candidates.closing) {
    const auto next = model_.apply(steps_[number], state);
    if (next && next != state && place_and_solve(number, *next)) return true;
  }
  for (const StepNumber number : candidates.open) {
    if (enable(number, state, candidates)) return true;
  }
  return false;
}

bool Search::place_and_solve(StepNumber number, EntryNumber next) {
  if (!is_in_time(steps_[number])) return false;
  place(number);
  if (solve(next)) return true;
  take_back(number);
  return false;
}

bool Search::enable(StepNumber enabler, EntryNumber state, const Candidates& candidates) {
  const auto next = model_.apply(steps_[enabler], state);
  if (!next || next == state || !may_look_on()) return false;
  place(enabler);
  const auto is_enabled = [&](StepNumber number) {
    return !is_placed(number) && !model_.apply(steps_[number], state) && model_.apply(steps_[number], *next);
  };
  for (const auto* numbers : {&candidates.required, &candidates.closing}) {
    for (const StepNumber number : *numbers) {
      if (is_enabled(number) && place_and_solve(number, *model_.apply(steps_[number], *next))) return true;
    }
  }
  for (const StepNumber number : candidates.open) {
    if (is_enabled(number) && enable(number, *next, candidates)) return true;
  }
  take_back(enabler);
  return false;
}

Search::Candidates Search::candidates() const {
  Candidates found;
  Instant earliest_return = Operation::kNever;
  for (std::size_t word = 0; word < placed_.size(); ++word) {
    for (std::uint64_t free = ~placed_[word]; free != 0; free &= free - 1) {
      const StepNumber number = word * kBitsPerWord + static_cast<std::size_t>(std::countr_zero(free));
      if (number >= steps_.size() || steps_[number].invoked > earliest_return) return found;
      const Step& step = steps_[number];
      (step.required ? found.required : is_open(step) ? found.open : found.closing).push_back(number);
      if (step.required) earliest_return = std::min(earliest_return, step.returned);
    }
  }
  return found;
}

/// Also what was tried before counts, and what only may enable something: there can be very much of both.
bool Search::may_look_on() {
  if (++looks_ > limit_) gave_up_ = true;
  return !gave_up_;
}

bool Search::is_new(EntryNumber state) {
  if (!may_look_on()) return false;
  Steps required = placed_;
  Steps spent = placed_;
  for (std::size_t word = 0; word < placed_.size(); ++word) {
    required[word] &= required_[word];
    spent[word] &= ~required_[word];
  }
  for (const StepNumber number : closing_) {
    if (!is_in_time(steps_[number])) insert(spent, number);
  }
  return tried_.add(std::move(required), state, spent);
}

void Search::place(StepNumber number) {
  const Step& step = steps_[number];
  insert(placed_, number);
  order_.push_back(number);
  latest_calls_.push_back(latest_calls_.empty() ? step.invoked : std::max(latest_calls_.back(), step.invoked));
  if (!step.required || --missing_ >= fewest_missing_) return;
  fewest_missing_ = missing_;
  longest_ = order_;
}

void Search::take_back(StepNumber number) {
  erase(placed_, number);
  order_.pop_back();
  latest_calls_.pop_back();
  if (steps_[number].required) ++missing_;
}

}  // namespace dht::testing::history
