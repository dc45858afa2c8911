#include "luggage.h"

#include <algorithm>
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
  sort(place, bag);
  find_what_was_kept(place, keys, bag);
  bag.unanswered = chosen.size() + 1;
  bag.packed = std::move(packed);
  const unsigned incarnation = desk_.world().incarnation(place);
  for (const std::string& key : chosen) {
    Question question{.place = place, .key = key, .deadline = deadline, .on_record = false};
    question.operation.kind = Operation::Kind::put;
    question.operation.value = fmt::format("b{}", ++entries_);
    question.operation.by = fmt::format("the join of {}", desk_.world().name(place));
    desk_.ask(question,
              [this, place, incarnation, key](const Operation& put) { on_answer(place, incarnation, key, put); });
  }
  if (--bag.unanswered == 0) std::exchange(bag.packed, nullptr)();
}

void Luggage::sort(std::size_t place, Bag& bag) {
  World& world = desk_.world();
  std::vector<Item> to_come;
  for (Item& item : bag.items) {
    const Entry entry = *item.merge->entry;
    if (shelves_.is_marked(place, item.key, entry.version, world.home())) {
      item.merge->returned = world.timeline().now();
      continue;
    }
    // What the last attempt has sent may still come.
    Operation again{.kind = Operation::Kind::merge, .entry = entry, .by = item.merge->by};
    again.invoked = world.timeline().now();
    to_come.push_back({item.key, desk_.ledger().write(item.key, std::move(again))});
  }
  bag.items = std::move(to_come);
}

/// A put that was never answered, since the process ended, may be on its disk all the same.
void Luggage::find_what_was_kept(std::size_t place, const std::vector<std::string>& keys, Bag& bag) {
  World& world = desk_.world();
  for (const std::string& key : keys) {
    const auto kept = shelves_.own_entry(place, world.home(), key);
    const bool is_known = std::any_of(bag.items.begin(), bag.items.end(), [&](const Item& item) {
      return item.key == key && kept && item.merge->entry->version == kept->version;
    });
    if (!kept || is_known) continue;
    Operation merge{.kind = Operation::Kind::merge, .by = fmt::format("the join of {}", world.name(place))};
    merge.entry = Entry{kept->value, kept->version};
    merge.invoked = world.timeline().now();
    bag.items.push_back({key, desk_.ledger().write(key, std::move(merge))});
  }
}

void Luggage::on_answer(std::size_t place, unsigned incarnation, const std::string& key, const Operation& put) {
  if (desk_.world().incarnation(place) != incarnation) return;
  Bag& bag = bags_.at(place);
  if (put.outcome != Operation::Outcome::not_applied) {
    Operation merge{.kind = Operation::Kind::merge, .by = put.by};
    merge.entry = Entry{Value(put.value), put.version};
    merge.invoked = desk_.world().timeline().now();
    bag.items.push_back({key, desk_.ledger().write(key, std::move(merge))});
  }
  if (--bag.unanswered == 0) std::exchange(bag.packed, nullptr)();
}

void Luggage::arrive(std::size_t place) {
  for (const Item& item : bags_[place].items)
    item.merge->returned = desk_.world().timeline().now();
  bags_.erase(place);
}

}  // namespace dht::testing::simulation
