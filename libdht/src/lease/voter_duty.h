// VoterDuty: what a voter owes to the leader that it has said yes to: not to elect another one within a lease, and to
// propose itself when it has heard of none for longer.
//
// A leader is a voter, too, and confirms itself. That counts for the age of its last yes, by which its successor knows
// how long its lease may still run; but it must not keep others from electing that successor when they do not hear it.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <cstdint>

#include <dht/scheduler.h>

namespace dht::lease {

class VoterDuty {
 public:
  /// In a cluster to which the node belongs since now, which counts as a yes. `random` of 64 bits, here and below, puts
  /// the takeover at random.
  VoterDuty(Duration lease, Instant now, std::uint64_t random);

  /// The voter has confirmed another node as leader, or accepted a map.
  void note_yes(Instant now, std::uint64_t random);
  /// It has confirmed itself.
  void note_own_yes(Instant now) { said_yes_ = now; }
  /// Nobody but this voter can have been elected meanwhile: it need not wait for a leader that it would hear of.
  void forget_leader(Instant now);
  /// An attempt to take over begins; the next one comes no sooner than in a part of a lease.
  void note_attempt(Instant now, std::uint64_t random);

  bool forbids_election(Instant now) const;
  bool is_takeover_due(Instant now) const { return now >= takeover_at_; }
  /// Since the last yes.
  Duration quiet_for(Instant now) const { return now - said_yes_; }

 private:
  Duration lease_;
  Instant said_yes_;
  Instant heard_leader_;  ///< another one
  Instant takeover_at_;
};

}  // namespace dht::lease
