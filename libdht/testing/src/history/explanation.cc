#include "explanation.h"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "key_model.h"
#include "search.h"

namespace dht::testing::history {
namespace {

using Outcome = Operation::Outcome;

bool is_answered(const Operation& operation) {
  return operation.outcome != Outcome::unknown && operation.outcome != Outcome::not_applied;
}

std::vector<Instant> moments_of_answers(std::span<const Operation> history) {
  std::vector<Instant> moments;
  for (const Operation& operation : history) {
    if (is_answered(operation)) moments.push_back(operation.returned);
  }
  std::sort(moments.begin(), moments.end());
  return moments;
}

/// The first answer after which no order is left, as a place in `moments`.
std::size_t first_violation(std::span<const Operation> history, const std::vector<Instant>& moments,
                            const LinearizabilityOptions& options) {
  const auto is_violated = [&](Instant moment) {
    const KeyModel model(prefix(history, moment), options.one_clock);
    return model.contradiction() || Search(model, options.max_configurations).run() == Verdict::violated;
  };
  const auto first =
      std::partition_point(moments.begin(), moments.end(), [&](Instant moment) { return !is_violated(moment); });
  return static_cast<std::size_t>(std::min(first, moments.end() - 1) - moments.begin());
}

/// The operations called up to `moment` in order of their calls; `mark` says what stands before each.
template <typename Mark>
std::string table(std::span<const Operation> history, Instant moment, Mark mark) {
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < history.size(); ++at) {
    if (history[at].invoked <= moment) places.push_back(at);
  }
  std::stable_sort(places.begin(), places.end(),
                   [&](std::size_t a, std::size_t b) { return history[a].invoked < history[b].invoked; });
  std::string text = fmt::format("{:>6}{:>13}{:>13}  operation\n", "order", "called", "answered");
  for (const std::size_t at : places) {
    const Operation& operation = history[at];
    const std::string_view by = operation.by.empty() ? "somebody" : std::string_view(operation.by);
    text += fmt::format("{:>6}{:>13}{:>13}  {}: {}\n", mark(at), in_seconds(operation.invoked),
                        in_seconds(operation.returned), by, to_string(operation));
  }
  return text;
}

/// What the key holds after these operations.
std::string left_by(const std::vector<std::size_t>& order, std::span<const Operation> history) {
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const Operation& operation = history[*at];
    if (operation.kind == Operation::Kind::get || operation.outcome == Outcome::precondition_failed) continue;
    if (operation.kind == Operation::Kind::put) return fmt::format("\"{}\"", operation.value);
    if (operation.kind == Operation::Kind::merge) return fmt::format("\"{}\"", operation.entry->value.view());
    break;
  }
  return "nothing";
}

}  // namespace

History prefix(std::span<const Operation> history, Instant moment) {
  History known(history.begin(), history.end());
  for (Operation& operation : known) {
    if (operation.invoked > moment) {
      operation.outcome = Outcome::not_applied;
    } else if (is_answered(operation) && operation.returned > moment) {
      operation.outcome = Outcome::unknown;
      operation.returned = Operation::kNever;
      operation.version = 0;
    }
  }
  return known;
}

std::string explain_violation(std::span<const Operation> history, const LinearizabilityOptions& options) {
  const std::vector<Instant> moments = moments_of_answers(history);
  const std::size_t at = first_violation(history, moments, options);
  const Instant moment = moments[at];
  const History good = prefix(history, at == 0 ? Instant{Duration::min()} : moments[at - 1]);
  const KeyModel model(good, options.one_clock);
  Search search(model, options.max_configurations);
  search.run();
  const std::vector<std::size_t> order = search.order();

  std::map<std::size_t, std::size_t> numbers;
  for (const std::size_t place : order)
    numbers.emplace(place, numbers.size() + 1);
  const auto mark = [&](std::size_t place) -> std::string {
    if (is_answered(history[place]) && history[place].returned == moment) return ">>>";
    const auto found = numbers.find(place);
    return found == numbers.end() ? "-" : std::to_string(found->second);
  };
  return fmt::format(
      "No order of the operations explains all answers. The numbers are an order that explains those "
      "before {} s and leaves {}; no order explains the one marked >>> as well.\n{}",
      in_seconds(moment), left_by(order, history), table(history, moment, mark));
}

std::string explain_contradiction(std::span<const Operation> history, const std::string& contradiction) {
  return fmt::format("No table answers so: {}.\n{}", contradiction,
                     table(history, Operation::kNever, [](std::size_t) { return ""; }));
}

}  // namespace dht::testing::history
