// The history of one key, as its clients saw it, and whether it is linearizable: a search for an order of the
// operations that respects real time and that a single copy could have shown (Wing and Gong, 1993, with visited states
// remembered).
//
// Thread rule: plain values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/types.h>

namespace dht::replica::testing {

/// Every value ever written has an id of its own; zero stands for "no entry".
using ValueId = std::uint32_t;

struct Operation {
  enum class Kind { get, put, erase, merge };
  /// What must hold of the entry: nothing, or that it is exactly `expected`.
  static constexpr ValueId kAnything = ~ValueId{0};
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  Kind kind = Kind::get;
  std::uint64_t called = 0;
  std::uint64_t returned = kNever;  ///< never: it took effect or not
  ValueId value = 0;                ///< put, merge: what is written
  Version version = 0;              ///< merge: of what is written
  ValueId expected = kAnything;     ///< put, erase
  ValueId found = 0;                ///< get: the answer
  bool existed = false;             ///< put, erase: the answer
  bool failed = false;              ///< put, erase: the answer was precondition_failed

  bool is_answered() const { return returned != kNever; }
};

/// At most 64 operations. `versions` is indexed by ValueId, and zero where nobody has ever seen the value.
class LinearizabilityCheck {
 public:
  LinearizabilityCheck(const std::vector<Operation>& operations, const std::vector<Version>& versions)
      : versions_(versions) {
    std::copy_if(operations.begin(), operations.end(), std::back_inserter(operations_),
                 [&](const Operation& operation) { return operation.is_answered() || may_have_mattered(operation); });
    REQUIRE(operations_.size() <= 64);
  }

  bool holds() { return search(0, 0); }

 private:
  bool may_have_mattered(const Operation& unanswered) const {
    if (unanswered.kind == Operation::Kind::get) return false;
    return unanswered.kind == Operation::Kind::erase || versions_[unanswered.value] != 0;
  }

  bool search(std::uint64_t done, ValueId state) {
    if (!visited_.emplace(done, state).second) return false;
    std::uint64_t earliest_return = Operation::kNever;
    bool all_answered_done = true;
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if ((done >> i & 1) != 0 || !operations_[i].is_answered()) continue;
      all_answered_done = false;
      earliest_return = std::min(earliest_return, operations_[i].returned);
    }
    if (all_answered_done) return true;
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if ((done >> i & 1) != 0 || operations_[i].called > earliest_return) continue;
      ValueId next = state;
      if (step(operations_[i], next) && search(done | std::uint64_t{1} << i, next)) return true;
    }
    return false;
  }

  /// Whether the operation can have been answered so in this state; and the state after it.
  bool step(const Operation& operation, ValueId& state) const {
    switch (operation.kind) {
      case Operation::Kind::get:
        return !operation.is_answered() || operation.found == state;
      case Operation::Kind::merge:
        if (state == 0 || versions_[state] < operation.version) state = operation.value;
        return true;
      case Operation::Kind::put:
      case Operation::Kind::erase:
        break;
    }
    const bool holds = operation.expected == Operation::kAnything || operation.expected == state;
    const bool existed = state != 0;
    if (holds) state = operation.kind == Operation::Kind::put ? operation.value : 0;
    return !operation.is_answered() || (operation.failed == !holds && operation.existed == existed);
  }

  std::vector<Operation> operations_;
  const std::vector<Version>& versions_;
  std::set<std::pair<std::uint64_t, ValueId>> visited_;
};

}  // namespace dht::replica::testing
