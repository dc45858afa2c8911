// The search for an order of operations that one table could have given.
//
// An operation of unknown outcome that never returned is placed only directly in front of one that could not come
// without it. That loses nothing. What follows such an operation and could come without it either leaves the state
// alone, so that the two may change places, as nothing has to wait for an operation that never returned; or it
// overwrites the state, so that the unknown one can be left out.
//
// Thread rule: one object, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <dht/testing/linearizability.h>

#include "key_model.h"
#include "tried.h"

namespace dht::testing::history {

class Search {
 public:
  /// The model outlives the search.
  Search(const KeyModel& model, std::size_t max_configurations);

  Verdict run();
  /// The order that was found, or else the longest that was tried; as places in the history.
  std::vector<std::size_t> order() const;

 private:
  using StepNumber = std::size_t;

  /// Steps that may come next, as far as their times say, in the order in which they are tried: optional ones last, so
  /// that ways which spend fewer of them are known when others are looked at.
  struct Candidates {
    std::vector<StepNumber> required{};
    std::vector<StepNumber> closing{};  ///< optional, with an end
    std::vector<StepNumber> open{};     ///< optional, without an end
  };

  bool solve(EntryNumber state);
  bool place_and_solve(StepNumber number, EntryNumber next);
  /// Places `enabler`, and then something that could not come in `state`.
  bool enable(StepNumber enabler, EntryNumber state, const Candidates& candidates);
  Candidates candidates() const;
  /// Whether it is worth going on from here.
  bool is_new(EntryNumber state);
  bool may_look_on();
  void place(StepNumber number);
  void take_back(StepNumber number);
  bool is_placed(StepNumber number) const {
    return (placed_[number / kBitsPerWord] >> (number % kBitsPerWord) & 1) != 0;
  }
  /// Whether it may still come after all that is placed.
  bool is_in_time(const Step& step) const { return latest_calls_.empty() || step.returned >= latest_calls_.back(); }

  const KeyModel& model_;
  const std::vector<Step>& steps_;
  const std::size_t limit_;
  std::vector<StepNumber> closing_;  ///< optional, with an end
  Steps required_;
  std::size_t missing_ = 0;  ///< required steps that are not placed
  Steps placed_;
  std::vector<StepNumber> order_;
  std::vector<Instant> latest_calls_;  ///< for each place in the order, the latest call up to there
  std::vector<StepNumber> longest_;    ///< of all orders that were tried
  std::size_t fewest_missing_ = 0;
  Tried tried_;
  std::size_t looks_ = 0;
  bool gave_up_ = false;
};

}  // namespace dht::testing::history
