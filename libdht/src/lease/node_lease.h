// NodeLease: a node's lease as the node knows it. While it holds one, nobody else is made primary of its partitions.
//
// Each ask has a number and the moment of its asking; a grant counts from the moment of *its* ask, however late it
// comes. The next ask echoes the newest grant, which tells the leader that its answers get through.
//
// A node has one row of numbers for as long as it lives, whatever clusters it is in. So no answer is taken for that to
// an ask of a later membership, and an echo is news to every leader, also to one that the node has left and come back
// to.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <cstdint>
#include <map>

#include <dht/scheduler.h>

#include "wire/agreement.h"

namespace dht::lease {

class NodeLease {
 public:
  /// The lease ends at `until` unless it is renewed.
  explicit NodeLease(Instant until = {Duration::min()}) : until_(until) {}

  /// `number` is higher than in all asks before.
  wire::LeaseAsk ask(std::uint64_t number, Instant now);
  /// The answer to an ask. Any grant but one to an ask of this object is passed over.
  void on_grant(const wire::LeaseGrant& grant);

  /// The node may serve before this moment.
  Instant until() const noexcept { return until_; }

 private:
  Instant until_;
  std::uint64_t last_granted_ = 0;
  std::map<std::uint64_t, Instant> asked_;  ///< those whose answers are still to come
};

}  // namespace dht::lease
