// StoredChanges: which of the changes that a primary has numbered its own storage has not for good yet. They may become
// durable in any order; what counts is up to where none is missing.
//
// Thread rule: part of the replica's monitor. Pure.
#pragma once

#include <cstdint>

#include "base/assert.h"
#include "base/ring.h"
#include "replica/pending_writes.h"

namespace dht::replica {

class StoredChanges {
 public:
  /// Names a change; those of before `clear` are nobody's any more.
  struct Ticket {
    Seq seq = 0;
    std::uint64_t generation = 0;
  };

  bool is_idle() const noexcept { return stored_.empty(); }
  /// The change `seq` is on its way. While others are it follows the one begun last.
  Ticket begin(Seq seq) {
    if (is_idle()) first_ = seq;
    DHT_ASSERT(seq == first_ + stored_.size());
    stored_.push_back(false);
    return {seq, generation_};
  }
  /// The change begun last.
  Ticket last() const noexcept {
    DHT_ASSERT(!is_idle());
    return {first_ + stored_.size() - 1, generation_};
  }
  void end(const Ticket& ticket) noexcept {
    if (ticket.generation != generation_) return;
    DHT_ASSERT(ticket.seq >= first_ && ticket.seq < first_ + stored_.size());
    stored_[ticket.seq - first_] = true;
    for (; !is_idle() && stored_.front(); ++first_)
      stored_.pop_front();
  }
  /// Of the changes up to `last`, which was numbered last: up to here all are stored.
  Seq reached(Seq last) const noexcept { return is_idle() ? last : first_ - 1; }
  void clear() noexcept {
    stored_.clear();
    ++generation_;
  }

 private:
  Seq first_ = 0;  ///< of stored_.front()
  base::Ring<bool> stored_;
  std::uint64_t generation_ = 0;
};

}  // namespace dht::replica
