// What a voter owes to a leader. The paragraphs are those of the design: "Leader and leases" (6).
#include "lease/voter_duty.h"

#include <doctest/doctest.h>

#include "times.h"

namespace dht::lease {

TEST_CASE("6: within a lease of its last yes a voter elects nobody else, and does not stand itself") {
  struct Case {
    Instant now;
    bool forbids;
    bool is_due;
  };
  VoterDuty duty(kLease, at(0), 0);
  duty.note_yes(at(7000), 0);
  for (const Case& row :
       {Case{at(7000), true, false}, Case{at(8000) - kTick, true, false}, Case{at(8000), false, true}}) {
    CAPTURE(row.now.since_start.count());
    CHECK(duty.forbids_election(row.now) == row.forbids);
    CHECK(duty.is_takeover_due(row.now) == row.is_due);
  }
}

TEST_CASE("6: coming into a cluster counts as a yes: whatever was said before is not known") {
  const VoterDuty duty(kLease, at(3000), static_cast<std::uint64_t>(ms(100).count()));
  CHECK(duty.forbids_election(at(3999)));
  CHECK_FALSE(duty.forbids_election(at(4000)));
  CHECK_FALSE(duty.is_takeover_due(at(4100) - kTick));
  CHECK(duty.is_takeover_due(at(4100)));
  CHECK(duty.quiet_for(at(3700)) == ms(700));
}

TEST_CASE("6: a failed attempt puts the next one off, and forbids nobody's") {
  VoterDuty duty(kLease, at(0), 0);
  duty.note_attempt(at(1200), 0);
  CHECK_FALSE(duty.forbids_election(at(1200)));
  CHECK_FALSE(duty.is_takeover_due(at(1450) - kTick));
  CHECK(duty.is_takeover_due(at(1450)));
  CHECK(duty.quiet_for(at(1450)) == ms(1450));
}

TEST_CASE("6: a yes to oneself counts for the age of the last yes, and keeps nobody from electing a successor") {
  VoterDuty duty(kLease, at(0), 0);
  duty.note_own_yes(at(1900));
  CHECK(duty.quiet_for(at(2000)) == ms(100));
  CHECK_FALSE(duty.forbids_election(at(2000)));
}

}  // namespace dht::lease
