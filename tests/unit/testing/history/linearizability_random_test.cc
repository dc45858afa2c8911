// Random small histories against a checker that tries every order of every selection.

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/linearizability.h>

#include "operations.h"

namespace {

using dht::testing::check_linearizability;
using dht::testing::Verdict;
using namespace histories;
using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

/// A table of one key, told what happens to it; false where it would have answered otherwise.
class OneKey {
 public:
  /// `versions` names those of puts whose answer did not tell.
  explicit OneKey(const std::map<std::string, Version>& versions) : versions_(versions) {}

  bool happens(const Operation& operation) {
    const Version before = entry_ ? entry_->version : 0;
    switch (operation.kind) {
      case Kind::get:
        return operation.entry == entry_;
      case Kind::loss:
        entry_.reset();
        return true;
      case Kind::merge:
        if (entry_ && entry_->version >= operation.entry->version) return false;
        entry_ = operation.entry;
        return true;
      default:
        break;
    }
    const bool holds = operation.precondition.holds(before);
    if (operation.outcome == Outcome::precondition_failed) return !holds;
    if (!holds || (operation.existed && operation.existed != entry_.has_value())) return false;
    entry_.reset();
    if (operation.kind == Kind::put) entry_ = Entry{Value(operation.value), versions_.at(operation.value)};
    return true;
  }

 private:
  const std::map<std::string, Version>& versions_;
  std::optional<Entry> entry_;
};

std::map<std::string, Version> versions_in(const History& history) {
  std::map<std::string, Version> versions;
  Version unseen = 0;  // older than all that are seen, and in no condition
  for (const Operation& operation : history) {
    if (operation.kind == Kind::put) versions.emplace(operation.value, 0);
  }
  for (const Operation& operation : history) {
    if (operation.version != 0) versions[operation.value] = operation.version;
    if (operation.kind == Kind::get && operation.entry)
      versions[std::string(operation.entry->value.view())] = operation.entry->version;
  }
  for (auto& [value, version] : versions) {
    if (version == 0) version = ++unseen;
  }
  return versions;
}

/// Whether operations in this order keep to real time and to what a table would answer.
bool is_right(const History& order, const std::map<std::string, Version>& versions) {
  for (std::size_t later = 0; later < order.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      if (order[later].returned < order[earlier].invoked) return false;
    }
  }
  OneKey key(versions);
  return std::all_of(order.begin(), order.end(), [&](const Operation& operation) { return key.happens(operation); });
}

bool naive_check(const History& history) {
  const auto versions = versions_in(history);
  History relevant;
  for (const Operation& operation : history) {
    const bool is_unknown_get = operation.kind == Kind::get && operation.outcome == Outcome::unknown;
    if (operation.outcome != Outcome::not_applied && !is_unknown_get) relevant.push_back(operation);
  }
  for (unsigned chosen = 0; chosen < 1u << relevant.size(); ++chosen) {
    std::vector<std::size_t> places;
    bool has_all_required = true;
    for (std::size_t at = 0; at < relevant.size(); ++at) {
      const bool is_chosen = (chosen >> at & 1) != 0;
      if (is_chosen) places.push_back(at);
      has_all_required = has_all_required && (is_chosen || relevant[at].outcome == Outcome::unknown);
    }
    if (!has_all_required) continue;
    do {
      History order;
      for (const std::size_t at : places)
        order.push_back(relevant[at]);
      if (is_right(order, versions)) return true;
    } while (std::next_permutation(places.begin(), places.end()));
  }
  return false;
}

class RandomHistories {
 public:
  explicit RandomHistories(std::uint64_t seed) : random_(seed) {}

  History next() {
    History history;
    const std::size_t size = 2 + below(5);
    for (std::size_t at = 0; at < size; ++at) {
      history.push_back(operation(std::string(1, static_cast<char>('a' + at))));
    }
    answer(history);
    for (std::size_t times = below(4); times > 0; --times)
      spoil(history[below(history.size())], history);
    return history;
  }

 private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

  Operation operation(const std::string& value) {
    const int from = 1 + static_cast<int>(below(12));
    const Span span{from, from + 1 + static_cast<int>(below(8))};
    switch (below(8)) {
      case 0:
        return erase(span, condition());
      case 1:
        return merge(below(2) == 0 ? span : Span{from, 0}, value);
      case 2:
        return loss(below(2) == 0 ? span : Span{from, 0});
      case 3:
      case 4:
      case 5:
        return put(below(4) == 0 ? Span{from, 0} : span, value, condition());
      default:
        return get_nothing(span);
    }
  }

  Precondition condition() {
    switch (below(5)) {
      case 0:
        return if_absent();
      case 1:
        return if_is(std::string(1, static_cast<char>('a' + below(6))));
      default:
        return {};
    }
  }

  /// Gives the answers of one table that does everything at a random moment of its time.
  void answer(History& history) {
    std::vector<std::size_t> order(history.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<int> moments;
    for (const Operation& operation : history) {
      const Instant last = std::min(operation.returned, at(30));
      const auto length = static_cast<std::size_t>((last - operation.invoked) / std::chrono::milliseconds(1)) + 1;
      moments.push_back(static_cast<int>(operation.invoked.since_start / std::chrono::milliseconds(1)) +
                        static_cast<int>(below(length)));
    }
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return moments[a] < moments[b]; });
    std::optional<Entry> entry;
    for (const std::size_t place : order)
      answer(history[place], entry);
  }

  void answer(Operation& operation, std::optional<Entry>& entry) {
    if (operation.kind == Kind::get) {
      operation.entry = entry;
      return;
    }
    if (operation.outcome == Outcome::unknown && below(2) == 0) return;
    if (operation.kind == Kind::merge) {
      if (!entry || entry->version < operation.entry->version) entry = operation.entry;
      return;
    }
    const bool existed = entry.has_value();
    if (!operation.precondition.holds(existed ? entry->version : 0)) {
      if (operation.outcome == Outcome::done) operation = failed(operation);
      return;
    }
    entry.reset();
    if (operation.kind == Kind::put) entry = entry_of(operation.value);
    if (operation.outcome == Outcome::done && operation.kind != Kind::loss && below(2) == 0)
      operation = found(operation, existed);
  }

  /// Makes one answer another.
  void spoil(Operation& operation, const History& history) {
    const Operation& other = history[below(history.size())];
    if (operation.kind == Kind::get) {
      operation.entry.reset();
      if (other.kind == Kind::put) operation.entry = entry_of(other.value);
    } else if (operation.existed) {
      operation.existed = !*operation.existed;
    } else if (operation.outcome == Outcome::precondition_failed) {
      operation.outcome = Outcome::done;
    } else if (operation.outcome == Outcome::done && operation.kind != Kind::loss) {
      operation.existed = below(2) == 0;
    }
  }

  std::mt19937_64 random_;
};

TEST_CASE("random small histories are judged as by a checker that tries every order") {
  RandomHistories histories(1);
  int good = 0;
  int bad = 0;
  for (int round = 0; round < 8000; ++round) {
    const History history = histories.next();
    const bool expected = naive_check(history);
    ++(expected ? good : bad);
    const auto judgement = check_linearizability(history);
    std::string text;
    for (const Operation& operation : history)
      text += dht::testing::in_seconds(operation.invoked) + " " + dht::testing::in_seconds(operation.returned) + " " +
              to_string(operation) + "\n";
    REQUIRE_MESSAGE((judgement.verdict == Verdict::linearizable) == expected, text);
    REQUIRE(judgement.explanation.empty() == expected);
  }
  CHECK(good > 2000);
  CHECK(bad > 2000);
}

TEST_CASE("histories of hundreds of operations by several clients, with some unknown ones, are judged quickly") {
  std::mt19937_64 random(5);
  for (int round = 0; round < 20; ++round) {
    History history;
    std::optional<Entry> entry;
    for (int i = 0; i < 600; ++i) {
      // Six clients at a time: each operation takes effect at 10 i and lasts up to 25 before and behind that.
      const Span span{std::max(1, 10 * i - static_cast<int>(random() % 25)),
                      10 * i + 1 + static_cast<int>(random() % 25)};
      const std::string value = std::to_string(i);
      const Version version = static_cast<Version>(i) + 1;
      if (random() % 2 == 0) {
        Operation read = get_nothing(span);
        read.entry = entry;
        history.push_back(read);
      } else if (i % 20 == 3) {
        history.push_back(put({span.from, 0}, value));
        if (random() % 2 == 0) entry = Entry{Value(value), version};
      } else {
        Operation write = put(span, value);
        write.version = version;
        write.existed = entry.has_value();
        history.push_back(write);
        entry = Entry{Value(value), version};
      }
    }
    CHECK(check_linearizability(history).verdict == Verdict::linearizable);
    history.push_back(get_nothing({7000, 7001}));
    CHECK(check_linearizability(history).verdict == Verdict::violated);
  }
}

}  // namespace
