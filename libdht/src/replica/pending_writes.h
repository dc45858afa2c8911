// PendingWrites: what the primary has numbered and applied but not every copy that counts has acknowledged, and the
// answers that wait for it.
//
// Writes are committed in the order of their numbers. An answer waits for one number: a write's own, or, for whoever
// saw the effect of a pending write (a read, a failed precondition), the number of the last write that it saw.
//
// Thread rule: part of the replica's monitor.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include <dht/storage.h>

#include "replica/effects.h"
#include "replica/turns.h"

namespace dht::replica {

/// The place of a change in the history of a partition: 1, 2, ...
using Seq = std::uint64_t;

class PendingWrites {
 public:
  using Answer = std::variant<Effects::Read, Effects::Write, Effects::Done>;

  bool empty() const noexcept { return writes_.empty(); }
  /// The last pending write of `key`, zero where there is none.
  Seq last_of(std::string_view key) const noexcept;
  bool contains(Seq seq) const noexcept { return !writes_.empty() && seq >= first_; }

  /// `seq` follows the one added last. Of `keys`, readers see the change, and so wait for it.
  void add(Seq seq, std::vector<std::string> keys);
  /// Keeps the answer until the pending write `seq` is committed.
  void hold(Seq seq, Answer answer);
  /// Every write up to `seq` is committed: gives their answers out, in order.
  void commit(Seq seq, Effects& effects);
  /// None of them will be known to be committed here: writes are answered with outcome_unknown, what only waited for
  /// them with not_applied.
  void fail(Effects& effects);

 private:
  struct Write {
    std::vector<std::string> keys;
    std::vector<Answer> answers;
  };

  Seq first_ = 0;             ///< of writes_.front()
  std::deque<Write> writes_;  ///< numbers without a gap
  std::unordered_map<std::string, Seq, KeyHash, std::equal_to<>> last_of_;
};

}  // namespace dht::replica
