// Luggage: entries under contested keys that a node puts into its own table before it joins. What the home cluster has
// acknowledged is one write in the history of its key, however many attempts the join takes; what it has not may come
// once with each attempt.
//
// Thread rule: that of the timeline.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "desk.h"
#include "dice.h"
#include "shelves.h"

namespace dht::testing::simulation {

class Luggage {
 public:
  Luggage(Desk& desk, const Shelves& shelves, std::uint64_t seed) : desk_(desk), shelves_(shelves), dice_(seed) {}

  /// Puts one entry under each of some keys. `packed` is called when the last put is answered, which may be at once;
  /// not where the node ends before.
  void pack(std::size_t place, const std::vector<std::string>& keys, std::chrono::milliseconds deadline,
            Function<void()> packed);
  /// What was to come has come: the node has joined, or the cluster has acknowledged everything of a join that failed.
  void arrive(std::size_t place);
  /// The node ends: what was on its way may still come.
  void lose(std::size_t place) { bags_.erase(place); }

 private:
  struct Item {
    std::string key;
    Ledger::Line merge;
  };
  struct Bag {
    std::size_t unanswered = 0;
    std::vector<Item> items{};
    Function<void()> packed{};
  };

  /// Before another attempt.
  void sort(std::size_t place, Bag& bag);
  void find_what_was_kept(std::size_t place, const std::vector<std::string>& keys, Bag& bag);
  void on_answer(std::size_t place, unsigned incarnation, const std::string& key, const Operation& put);

  Desk& desk_;
  const Shelves& shelves_;
  Dice dice_;
  std::map<std::size_t, Bag> bags_;  ///< by place
  std::uint64_t entries_ = 0;
};

}  // namespace dht::testing::simulation
