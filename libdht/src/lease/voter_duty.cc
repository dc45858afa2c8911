#include "lease/voter_duty.h"

#include "lease/rules.h"

namespace dht::lease {

VoterDuty::VoterDuty(Duration lease, Instant now, std::uint64_t random) : lease_(lease) { note_yes(now, random); }

void VoterDuty::note_yes(Instant now, std::uint64_t random) {
  said_yes_ = heard_leader_ = now;
  takeover_at_ = lease::takeover_at(now, lease_, random);
}

void VoterDuty::note_attempt(Instant now, std::uint64_t random) { takeover_at_ = next_attempt_at(now, lease_, random); }

void VoterDuty::forget_leader(Instant now) {
  heard_leader_ = now - 2 * lease_;
  takeover_at_ = now;
}

bool VoterDuty::forbids_election(Instant now) const { return lease::forbids_election(heard_leader_, now, lease_); }

}  // namespace dht::lease
