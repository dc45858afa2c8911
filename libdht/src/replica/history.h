// History: where a replica stands in the history of its partition, and the last changes of it.
//
// Every change has a number, and was numbered by the primary that took over in some epoch. There is one primary in an
// epoch and it gives each number once, so two histories that agree in the epoch of one number agree in all before it
// (as the logs of Raft do). A replica is level with a primary, or can be brought level, if its position is part of the
// primary's history.
//
// A change is kept until every replica that counts is known to have it: so a new primary can bring the others level.
// Some are kept for longer, for followers that come back after a while.
//
// Thread rule: part of the replica's monitor. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include <dht/membership.h>

#include "base/ring.h"
#include "replica/pending_writes.h"
#include "wire/replication.h"

namespace dht::replica {

class History {
 public:
  /// A change as it is sent again.
  struct Logged {
    Seq seq = 0;
    std::vector<wire::MergeMark> merges{};
    wire::Changes changes{};
  };

  Seq seq() const noexcept { return seq_; }
  /// That of the last change; epoch zero where there is none.
  ReplicaPosition position() const noexcept { return {epoch_of(seq_), seq_}; }
  const std::vector<wire::EpochStart>& starts() const noexcept { return starts_; }

  /// Whether a replica at `position` has a prefix of this history. False, too, where that is too long ago to tell.
  bool contains(const ReplicaPosition& position) const noexcept;

  /// Changes from now on are numbered by the primary that takes over in `epoch`.
  void begin_epoch(Epoch epoch);
  /// This history is that of a copy which begins now: nothing is kept of what was before.
  void begin_copy(Seq seq, std::vector<wire::EpochStart> starts);
  /// As a prefix of a history that begins so.
  void adopt(std::vector<wire::EpochStart> starts) { starts_ = std::move(starts); }

  /// The next change has been made.
  void extend(Seq seq);
  /// What the last change was; follows the one kept last.
  void keep(Logged logged);
  /// Changes up to here are on every replica that counts: of those only the last ones are kept, of `window_bytes`.
  void forget(Seq committed, std::size_t window_bytes = 0);
  /// Whether all that follows `seq` is kept.
  bool has_all_after(Seq seq) const noexcept;
  /// Hints: changes are about to be kept and forgotten.
  void fetch_ahead() const noexcept { kept_.fetch_ahead(); }
  void fetch_first_kept() const noexcept {
    if (!kept_.empty()) kept_.front().changes.fetch_ahead();
  }
  /// What is kept, in order.
  const base::Ring<Logged>& kept() const noexcept { return kept_; }

 private:
  Epoch epoch_of(Seq seq) const noexcept;
  void clear_kept() noexcept;

  Seq seq_ = 0;
  std::vector<wire::EpochStart> starts_;  ///< ascending; the last ones only
  base::Ring<Logged> kept_;               ///< numbers without a gap, up to `seq_`
  std::size_t kept_bytes_ = 0;            ///< of their changes
};

}  // namespace dht::replica
