// The leader's book of node leases: who is alive, and what is granted. The paragraphs are those of the design: "Leader
// and leases" (6), "Join and leave" (8).
#include "lease/grant_book.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "times.h"

namespace dht::lease {

namespace {

using enum NodeState;

constexpr NodeId kLeader{1};
constexpr NodeId kNode{2};
constexpr Instant kFarAway = at(1'000'000);

ClusterMap map_with(const std::vector<std::pair<std::uint64_t, NodeState>>& nodes) {
  ClusterMap map;
  for (const auto& [id, state] : nodes)
    map.nodes.push_back({NodeId{id}, "n" + std::to_string(id), {"host", 1}, state});
  return map;
}

/// A leader, node 1, that began at the moment 0, and node 2, which asks it.
struct Book : GrantBook {
  explicit Book(NodeState state = active, Duration wait = kLease)
      : GrantBook(kLeader, kLease, map_with({{1, active}, {2, state}}), at(0), wait) {}

  /// An ask of node 2 that echoes the last answer that it heard, and what is granted.
  Duration ask(Instant now, Instant leader_until = kFarAway) {
    const wire::LeaseAsk lease_ask{.number = ++asked, .echo = heard};
    pass(now);
    on_ask(kNode, lease_ask, now);
    const wire::LeaseGrant answer = grant(kNode, lease_ask, now, leader_until);
    CHECK(answer.number == asked);
    if (hears) heard = asked;
    return ms(answer.length_ms);
  }
  /// The same each quarter of a lease, until `end`; the last one is before it.
  void keep_asking(Instant begin, Instant end, Instant leader_until = kFarAway) {
    for (Instant now = begin; now < end; now = now + ms(250))
      ask(now, leader_until);
  }
  void adopt_as(NodeState state, Instant now) { adopt(map_with({{1, active}, {2, state}}), now); }

  std::uint64_t asked = 0;
  std::uint64_t heard = 0;
  bool hears = true;
};

}  // namespace

TEST_CASE("6: who is granted a lease, and for how long") {
  struct Case {
    const char* name;
    NodeState state;
    Instant leader_until;
    Duration granted;
  };
  const std::vector<Case> cases{
      {"an active member", active, kFarAway, ms(1000)},
      {"a leaving member, which still serves", leaving, kFarAway, ms(1000)},
      {"a joining node, which serves nothing here", joining, kFarAway, ms(0)},
      {"a member that is down", down, kFarAway, ms(0)},
      {"no longer than the leader's own", active, at(740), ms(640)},
      {"whole milliseconds of it", active, at(740) + kTick, ms(640)},
      {"not even one", active, at(101) - kTick, ms(0)},
      {"after the leader's own", active, at(100), ms(0)},
      {"long after it", active, {Duration::min()}, ms(0)},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    Book book(row.state);
    CHECK(book.ask(at(100), row.leader_until) == row.granted);
  }
}

TEST_CASE("6: a new leader takes all members for alive while it waits, and then those that have proved it") {
  for (const Duration wait : {ms(500), ms(700), ms(1000)}) {
    CAPTURE(wait.count());
    for (const NodeState state : {active, leaving}) {
      const Book book(state, wait);
      CHECK(book.is_alive(kNode, at(0) + wait));
      CHECK_FALSE(book.is_alive(kNode, at(0) + wait + kTick));
      CHECK_FALSE(book.has_proved_itself(kNode));
    }
    CHECK_FALSE(Book(down, wait).is_alive(kNode, at(0)));
    CHECK(Book(joining, wait).is_alive(kNode, at(3000)));
    CHECK_FALSE(Book(joining, wait).is_alive(kNode, at(3000) + kTick));
  }
}

TEST_CASE("6: asks alone prove nothing: over a link that works one way the lease ends") {
  Book book;
  book.hears = false;
  CHECK(book.ask(at(0)) == ms(1000));
  book.keep_asking(at(250), at(1000));
  CHECK(book.ask(at(1000)) == ms(1000));
  CHECK(book.ask(at(1000) + kTick) == ms(0));
  CHECK_FALSE(book.has_proved_itself(kNode));
  // What may have been received is waited for.
  CHECK(book.is_alive(kNode, at(2000)));
  CHECK_FALSE(book.is_alive(kNode, at(2000) + kTick));
  book.hears = true;
  book.ask(at(2250));
  CHECK(book.ask(at(2500)) == ms(1000));
  CHECK(book.is_alive(kNode, at(3500)));
}

TEST_CASE("6: an echo shows life for a lease, and the next one for another") {
  Book book;
  book.keep_asking(at(0), at(10'000));
  CHECK(book.has_proved_itself(kNode));
  CHECK(book.is_alive(kNode, at(10'750)));
  CHECK_FALSE(book.is_alive(kNode, at(10'750) + kTick));
}

TEST_CASE("6: what is no proof of life, and what is") {
  struct Case {
    const char* name;
    std::uint64_t echo;
    bool is_proof;
  };
  // Node 2 has asked this leader with the numbers 10 and 11, and then echoed 10.
  const std::vector<Case> cases{
      {"no echo", 0, false},
      {"what another leader granted before", 9, false},
      {"what was echoed already", 10, false},
      {"the answer to a later ask", 11, true},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    Book book;
    CHECK_FALSE(book.on_ask(kNode, {.number = 10, .echo = 9}, at(0)));
    CHECK_FALSE(book.has_proved_itself(kNode));
    CHECK(book.on_ask(kNode, {.number = 11, .echo = 10}, at(10)));  // the first proof is news
    CHECK_FALSE(book.on_ask(kNode, {.number = 12, .echo = row.echo}, at(500)));
    CHECK(book.is_alive(kNode, at(1500)) == row.is_proof);
    CHECK(book.is_alive(kNode, at(1010)));
  }
}

TEST_CASE("6: an answer to what this leader sent shows life like an echo") {
  Book book;
  CHECK(book.hear(kNode, at(400)));
  CHECK(book.has_proved_itself(kNode));
  CHECK_FALSE(book.hear(kNode, at(600)));
  CHECK(book.is_alive(kNode, at(1600)));
  CHECK_FALSE(book.is_alive(kNode, at(1600) + kTick));
  CHECK(book.hear(kNode, at(1700)));  // it was dead
}

TEST_CASE(
    "6: a member that was called down needs a new proof, and is granted nothing before the map says that it is back") {
  Book book;
  book.keep_asking(at(0), at(1000));
  REQUIRE(book.is_alive(kNode, at(1000)));
  book.adopt_as(down, at(1000));
  CHECK_FALSE(book.is_alive(kNode, at(1000)));
  CHECK_FALSE(book.has_proved_itself(kNode));
  CHECK_FALSE(book.on_ask(kNode, {.number = 20, .echo = book.heard - 1}, at(1100)));  // echoed before
  CHECK_FALSE(book.is_alive(kNode, at(1100)));
  book.asked = 20;
  CHECK(book.ask(at(1200)) == ms(0));
  CHECK(book.is_alive(kNode, at(1200)));
  CHECK(book.ask(at(1300)) == ms(0));
  // It stays so as newer maps come.
  book.adopt_as(down, at(1350));
  CHECK(book.is_alive(kNode, at(1350)));
  book.adopt_as(active, at(1400));
  CHECK(book.ask(at(1400)) == ms(1000));
}

TEST_CASE("8: a joining node may be silent for three leases, and for one from its activation on") {
  Book book(joining);
  CHECK(book.ask(at(0)) == ms(0));
  book.ask(at(250));
  CHECK(book.is_alive(kNode, at(3250)));
  CHECK_FALSE(book.is_alive(kNode, at(3250) + kTick));
  book.adopt_as(active, at(400));
  CHECK(book.is_alive(kNode, at(1400)));
  CHECK_FALSE(book.is_alive(kNode, at(1400) + kTick));
}

TEST_CASE("6: silence counts only while the leader itself was running") {
  struct Case {
    const char* name;
    Duration gap;
    Instant dead_after;
  };
  // The leader hears of node 2 for the last time at 750 and of nothing at all from 800 on, for as long as `gap`.
  const std::vector<Case> cases{
      {"half a lease is not slept", ms(500), at(1750)},
      {"more is", ms(500) + kTick, at(2250) + kTick},
      {"a night", ms(30'000'000), at(30'001'750)},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    Book book;
    book.keep_asking(at(0), at(1000), at(0));  // nothing is granted, which would be waited for in any case
    book.pass(at(800));
    book.pass(at(800) + row.gap);
    CHECK(book.is_alive(kNode, row.dead_after));
    CHECK_FALSE(book.is_alive(kNode, row.dead_after + kTick));
  }
}

TEST_CASE("6: a pause of the leader brings nobody back that was called down") {
  Book book;
  book.keep_asking(at(0), at(1000));
  book.adopt_as(down, at(1000));
  book.pass(at(60'000));
  CHECK_FALSE(book.is_alive(kNode, at(1000)));
}

TEST_CASE("6: passing time tells when somebody may have died, and not at every event") {
  Book book;
  book.keep_asking(at(0), at(1000));
  int news = 0;
  Instant first{};
  for (Instant now = at(1000); now <= at(4000); now = now + ms(10)) {
    if (!book.pass(now)) continue;
    if (news++ == 0) first = now;
  }
  CHECK(first <= at(1760));
  CHECK(news >= 1);
  CHECK(news <= 4);
}

TEST_CASE("6: each death is told, with the first event after it") {
  for (std::int64_t last = 0; last <= 750; last += 125) {
    CAPTURE(last);
    Book book;
    book.pass(at(last));
    book.hear(kNode, at(last));
    bool was_alive = true;
    for (Instant now = at(last); now <= at(4000); now = now + ms(40)) {
      const bool news = book.pass(now);
      const bool is_alive = book.is_alive(kNode, now);
      if (was_alive && !is_alive) CHECK(news);
      was_alive = is_alive;
    }
    CHECK_FALSE(was_alive);
  }
}

TEST_CASE("6: a pause of the leader does not hide the end of what it has granted") {
  Book book;
  book.hears = false;
  book.keep_asking(at(0), at(1000));  // the last grant, of 750, is over after 1750
  book.pass(at(1001));
  book.pass(at(1600));
  CHECK_FALSE(book.pass(at(1750)));
  CHECK(book.is_alive(kNode, at(1750)));
  CHECK(book.pass(at(1751)));
  CHECK_FALSE(book.is_alive(kNode, at(1751)));
}

TEST_CASE("6: the leader itself is always alive, and needs no echo for its lease") {
  Book book;
  CHECK(book.is_alive(kLeader, at(1'000'000)));
  book.pass(at(1'000'000));
  CHECK(book.grant(kLeader, {.number = 1}, at(1'000'000), at(1'000'400)) == wire::LeaseGrant{1, 400});
}

TEST_CASE("6: new members count as alive; those that left are forgotten when their time is over") {
  Book book;
  book.adopt(map_with({{1, active}, {2, active}, {3, active}}), at(500));
  CHECK(book.is_alive(NodeId{3}, at(1500)));
  CHECK_FALSE(book.is_alive(NodeId{3}, at(1500) + kTick));
  book.hear(kNode, at(600));
  book.adopt(map_with({{1, active}}), at(700));
  CHECK(book.is_alive(kNode, at(1600)));
  book.adopt(map_with({{1, active}}), at(1601));
  CHECK_FALSE(book.has_proved_itself(kNode));
  CHECK_FALSE(book.is_alive(NodeId{9}, at(0)));
}

TEST_CASE("6: where nothing may be granted the answer names the ask all the same, to be echoed") {
  CHECK(GrantBook::nothing({.number = 7, .echo = 3}) == wire::LeaseGrant{.number = 7, .length_ms = 0});
}

}  // namespace dht::lease
