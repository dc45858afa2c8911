// PendingWrites: what the primary has numbered and applied but not every copy that counts has acknowledged, and the
// answers that wait for it.
//
// Writes are committed in the order of their numbers. An answer waits for one number: a write's own, or, for whoever
// saw the effect of a pending write (a read, a failed precondition), the number of the last write that it saw.
//
// Keys are known by their hashes alone. Where those of two keys are equal a reader waits for a write that it has not
// seen, a moment longer than it must; never shorter.
//
// Thread rule: part of the replica's monitor.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include <dht/storage.h>

#include "base/id_map.h"
#include "base/ring.h"
#include "replica/effects.h"

namespace dht::replica {

/// The place of a change in the history of a partition: 1, 2, ...
using Seq = std::uint64_t;

class PendingWrites {
 public:
  using Answer = std::variant<Effects::Read, Effects::Write, Effects::Done>;

  bool empty() const noexcept { return writes_.empty(); }
  /// A hint: they are about to be used.
  void fetch_ahead() const noexcept {
    writes_.fetch_ahead();
    last_of_.fetch_ahead();
  }
  /// The last pending write of `key`, zero where there is none.
  Seq last_of(std::string_view key) const noexcept;
  bool contains(Seq seq) const noexcept { return !writes_.empty() && seq >= first_; }

  /// `seq` follows the one added last. Readers of the keys see the changes, and so wait for it.
  void add(Seq seq, std::span<const StorageChange> changes);
  /// Keeps the answer until the pending write `seq` is committed.
  void hold(Seq seq, Answer answer);
  /// Every write up to `seq` is committed: gives their answers out, in order.
  void commit(Seq seq, Effects& effects);
  /// None of them will be known to be committed here: writes are answered with outcome_unknown, what only waited for
  /// them with not_applied.
  void fail(Effects& effects);

 private:
  using KeyHash = std::uint64_t;
  /// A client's write has one key and, most often, one answer: for these nothing is allocated.
  struct Write {
    KeyHash key;
    std::vector<KeyHash> more_keys{};
    std::optional<Answer> answer{};
    std::vector<Answer> more_answers{};
  };
  /// Of a partition that has had more writes under way the memory is given back.
  static constexpr std::size_t kMostKept = 64;

  static KeyHash hash(std::string_view key) noexcept;
  KeyHash add_key(std::string_view key, Seq seq);
  void forget_key(KeyHash key, Seq seq) noexcept;
  template <typename Visit>
  static void for_each_answer(Write& write, Visit visit);

  Seq first_ = 0;             ///< of writes_.front()
  base::Ring<Write> writes_;  ///< numbers without a gap
  base::IdMap<Seq, kMostKept> last_of_;
};

}  // namespace dht::replica
