// Linearizability of one key: whether all its operations can be put into one order in which each takes effect at a
// moment between its call and its return, and every answer is the one that a single table would have given.
//
// The search is that of Wing and Gong with the memory of Lowe ("Testing for linearizability", 2017): a set of
// operations already placed, with the state that they leave, is tried only once. Keys do not influence each other, so
// each is judged by itself. Operations of unknown outcome, which make histories of faulty clusters expensive, are
// placed only in front of an operation that needs them.
//
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <dht/testing/history.h>

namespace dht::testing {

enum class Verdict {
  linearizable,
  violated,
  undecided,  ///< the limit was reached first
};

struct Judgement {
  Verdict verdict = Verdict::linearizable;
  /// For people, where it is violated: the history in order of time, an order that explains all answers up to a moment,
  /// and the answer that cannot be explained.
  std::string explanation{};
};

struct LinearizabilityOptions {
  /// Sets of placed operations that are looked at, for the first time or again, before the search is given up.
  std::size_t max_configurations = 2'000'000;
  /// All versions were given by the clock of one partition, so none was given twice. Not so where the key went from one
  /// table to another, as with a node that joins: each table has a clock of its own.
  bool one_clock = true;
};

/// The key does not exist in the beginning. Throws std::invalid_argument where two puts or merges have the same value:
/// nobody could tell what a get saw.
Judgement check_linearizability(std::span<const Operation> history, const LinearizabilityOptions& options = {});

}  // namespace dht::testing
