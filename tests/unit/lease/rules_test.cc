// The rules of time one by one, at their limits. The paragraphs are those of the design: "Leader and leases" (6), "Join
// and leave" (8). What they are worth together is shown in rules_random_test.cc.
#include "lease/rules.h"

#include <cstdint>
#include <limits>

#include <doctest/doctest.h>

#include "times.h"

namespace dht::lease {

TEST_CASE("6: the length of a lease is what the cluster was founded with") {
  CHECK(length_of({}) == ms(1000));
  CHECK(length_of({.lease_ms = kShortestLeaseMs}) == ms(10));
  CHECK(length_of({.lease_ms = kLongestLeaseMs}) == ms(60'000));
}

TEST_CASE("6: whoever holds a lease takes a tenth off, and reckons from the moment of asking") {
  struct Case {
    Duration length;
    Duration usable;
  };
  for (const Case& row : {Case{ms(1000), ms(900)}, Case{ms(10), ms(9)}, Case{ms(0), ms(0)},
                          Case{Duration{15}, Duration{14}}, Case{ms(60'000), ms(54'000)}}) {
    CAPTURE(row.length.count());
    CHECK(with_margin(row.length) == row.usable);
    CHECK(end_at_holder(at(5000), row.length) == at(5000) + row.usable);
  }
}

TEST_CASE("6: no grant outlasts the leader's own lease, nor the length of a lease") {
  struct Case {
    Instant leader_until;
    Duration granted;
  };
  const Instant now = at(5000);
  for (const Case& row :
       {Case{{Duration::min()}, ms(0)}, Case{now - ms(1), ms(0)}, Case{now, ms(0)}, Case{now + kTick, kTick},
        Case{now + ms(900), ms(900)}, Case{now + ms(1000), ms(1000)}, Case{now + ms(1001), ms(1000)}}) {
    CAPTURE(row.leader_until.since_start.count());
    CHECK(grantable(now, row.leader_until, kLease) == row.granted);
  }
}

TEST_CASE(
    "6: nodes ask each quarter of a lease, and look at the time twice as often; a joining one may be silent for "
    "three") {
  CHECK(ask_interval(kLease) == ms(250));
  CHECK(tick_interval(kLease) == ms(125));
  CHECK(joining_patience(kLease) == ms(3000));
}

TEST_CASE("6: a new leader waits a lease, less the age of its voters' last yes, and never below half a lease") {
  struct Case {
    Duration confirmed_ago;
    Duration wait;
  };
  for (const Case& row : {Case{ms(0), ms(1000)}, Case{ms(1), ms(999)}, Case{ms(499), ms(501)}, Case{ms(500), ms(500)},
                          Case{ms(501), ms(500)}, Case{ms(1000), ms(500)}, Case{ms(3'600'000), ms(500)}}) {
    CAPTURE(row.confirmed_ago.count());
    CHECK(wait_of_new_leader(kLease, row.confirmed_ago) == row.wait);
  }
}

TEST_CASE("6: a voter that said yes within a lease refuses to elect another leader") {
  struct Case {
    Instant now;
    bool forbids;
  };
  for (const Case& row : {Case{at(7000), true}, Case{at(7500), true}, Case{at(8000) - kTick, true},
                          Case{at(8000), false}, Case{at(9000), false}}) {
    CAPTURE(row.now.since_start.count());
    CHECK(forbids_election(at(7000), row.now, kLease) == row.forbids);
  }
}

TEST_CASE("6: a takeover is due after a lease and a part of a quarter of one, which the random number decides") {
  struct Case {
    std::uint64_t random;
    Instant due;
  };
  const auto quarter = static_cast<std::uint64_t>(ms(250).count());
  for (const Case& row :
       {Case{0, at(8000)}, Case{quarter / 2, at(8125)}, Case{quarter - 1, at(8250) - kTick}, Case{quarter, at(8000)}}) {
    CAPTURE(row.random);
    CHECK(takeover_at(at(7000), kLease, row.random) == row.due);
  }
  const Instant with_most = takeover_at(at(7000), kLease, std::numeric_limits<std::uint64_t>::max());
  CHECK(with_most >= at(8000));
  CHECK(with_most < at(8250));
}

TEST_CASE(
    "6: an attempt that failed is followed by the next one after a quarter of a lease and a random part of half") {
  struct Case {
    std::uint64_t random;
    Instant next;
  };
  const auto half = static_cast<std::uint64_t>(ms(500).count());
  for (const Case& row :
       {Case{0, at(7250)}, Case{half / 2, at(7500)}, Case{half - 1, at(7750) - kTick}, Case{half, at(7250)}}) {
    CAPTURE(row.random);
    CHECK(next_attempt_at(at(7000), kLease, row.random) == row.next);
  }
}

}  // namespace dht::lease
