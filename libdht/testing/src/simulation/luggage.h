// Luggage: entries under contested keys that a node puts into its own table before it joins. Each is at most one write
// in the history of its key in the home cluster, however many attempts the join takes.
//
// Thread rule: that of the timeline.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "desk.h"
#include "dice.h"

namespace dht::testing::simulation {

class Luggage {
 public:
  Luggage(Desk& desk, std::uint64_t seed) : desk_(desk), dice_(seed) {}

  /// Puts one entry under each of some keys. `packed` is called when the last put is answered, which may be at once;
  /// not where the node ends before.
  void pack(std::size_t place, const std::vector<std::string>& keys, std::chrono::milliseconds deadline,
            Function<void()> packed);
  /// The node has joined: what was to come has come.
  void arrive(std::size_t place);
  /// The node ends: what was on its way may still come.
  void lose(std::size_t place) { bags_.erase(place); }

 private:
  struct Bag {
    std::size_t unanswered = 0;
    std::chrono::milliseconds deadline{0};
    std::vector<Ledger::Line> merges{};
    Function<void()> packed{};
  };

  void put(std::size_t place, const std::string& key);
  void on_answer(std::size_t place, unsigned incarnation, const std::string& key, const Operation& put);

  Desk& desk_;
  Dice dice_;
  std::map<std::size_t, Bag> bags_;  ///< by place
  std::uint64_t entries_ = 0;
};

}  // namespace dht::testing::simulation
