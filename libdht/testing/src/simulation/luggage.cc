#include "luggage.h"

#include <utility>

#include <fmt/format.h>

namespace dht::testing::simulation {

void Luggage::pack(std::size_t place, const std::vector<std::string>& keys, std::chrono::milliseconds deadline,
                   Function<void()> packed) {
  std::vector<std::string> chosen;
  for (const std::string& key : keys) {
    if (dice_.percent(60)) chosen.push_back(key);
  }
  Bag& bag = bags_[place];
  bag.unanswered = chosen.size() + 1;
  bag.deadline = deadline;
  bag.packed = std::move(packed);
  for (const std::string& key : chosen)
    put(place, key);
  if (--bag.unanswered == 0) std::exchange(bag.packed, nullptr)();
}

void Luggage::put(std::size_t place, const std::string& key) {
  Question question{.place = place, .key = key, .deadline = bags_.at(place).deadline, .on_record = false};
  question.operation.kind = Operation::Kind::put;
  question.operation.value = fmt::format("b{}", ++entries_);
  question.operation.by = fmt::format("the join of {}", desk_.world().name(place));
  const unsigned incarnation = desk_.world().incarnation(place);
  desk_.ask(question,
            [this, place, incarnation, key](const Operation& put) { on_answer(place, incarnation, key, put); });
}

void Luggage::on_answer(std::size_t place, unsigned incarnation, const std::string& key, const Operation& put) {
  if (desk_.world().incarnation(place) != incarnation) return;
  // It may be there, and would come along unannounced: the next one takes its place.
  if (put.outcome == Operation::Outcome::unknown) return this->put(place, key);
  Bag& bag = bags_.at(place);
  if (put.outcome == Operation::Outcome::done) {
    Operation merge{.kind = Operation::Kind::merge, .by = put.by};
    merge.entry = Entry{Value(put.value), put.version};
    merge.invoked = put.returned;
    bag.merges.push_back(desk_.ledger().write(key, std::move(merge)));
  }
  if (--bag.unanswered == 0) std::exchange(bag.packed, nullptr)();
}

void Luggage::arrive(std::size_t place) {
  for (const Ledger::Line& merge : bags_[place].merges)
    merge->returned = desk_.world().timeline().now();
  bags_.erase(place);
}

}  // namespace dht::testing::simulation
