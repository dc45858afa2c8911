// The leader's own lease: whose word confirms it. The paragraphs are those of the design: "Leader and leases" (6).
#include "lease/leader_lease.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "times.h"

namespace dht::lease {

namespace {

using Ids = std::vector<std::uint64_t>;

std::vector<NodeId> ids(const Ids& numbers) {
  std::vector<NodeId> list;
  for (const std::uint64_t number : numbers)
    list.push_back(NodeId{number});
  return list;
}

ClusterMap map_of(const Ids& voters, const Ids& next_voters = {}) {
  ClusterMap map;
  map.voters = ids(voters);
  map.next_voters = ids(next_voters);
  return map;
}

/// What one voter says: yes or no, the counter of the ballot of the map that it has accepted, and whom that names.
struct Word {
  std::uint64_t voter = 0;
  bool yes = true;
  std::uint64_t accepted = 5;
  Ids voters{1, 2, 3};
  Ids next_voters{};
};

wire::VoterReply reply(const Word& word) {
  return {.yes = word.yes,
          .accepted = {.counter = word.accepted, .node = NodeId{1}, .boot = 1},
          .voters = ids(word.voters),
          .next_voters = ids(word.next_voters)};
}

struct Case {
  std::string name;
  ClusterMap own;
  std::vector<Word> words;
  bool is_confirmed;
};

}  // namespace

TEST_CASE("6: a leader is confirmed by majorities of all lists of its own map and of the newest that a voter has") {
  const ClusterMap three = map_of({1, 2, 3});
  const std::vector<Case> cases{
      {"nobody has answered", three, {}, false},
      {"the only voter", map_of({1}), {{.voter = 1, .voters = {1}}}, true},
      {"one of three", three, {{.voter = 1}}, false},
      {"two of three", three, {{.voter = 1}, {.voter = 3}}, true},
      {"one of three twice", three, {{.voter = 2}, {.voter = 2}}, false},
      {"two of four", map_of({1, 2, 3, 4}), {{.voter = 1}, {.voter = 2}}, false},
      {"a no does not count", three, {{.voter = 1}, {.voter = 2, .yes = false}}, false},
      {"a no does not outweigh", three, {{.voter = 1}, {.voter = 2, .yes = false}, {.voter = 3}}, true},
      {"somebody who is no voter", three, {{.voter = 1}, {.voter = 4}}, false},
      {"voters to come: the present ones alone",
       map_of({1, 2, 3}, {1, 4, 5}),
       {{.voter = 1}, {.voter = 2}, {.voter = 3}},
       false},
      {"voters to come: those alone", map_of({1, 2, 3}, {1, 4, 5}), {{.voter = 4}, {.voter = 5}}, false},
      {"voters to come: both", map_of({1, 2, 3}, {1, 4, 5}), {{.voter = 1}, {.voter = 2}, {.voter = 4}}, true},
      {"former voters, of whom one has accepted a newer list",
       three,
       {{.voter = 3, .accepted = 6, .voters = {3, 4, 5}}, {.voter = 1}, {.voter = 2}},
       false},
      {"the newer list comes with a no",
       three,
       {{.voter = 3, .yes = false, .accepted = 6, .voters = {3, 4, 5}}, {.voter = 1}, {.voter = 2}},
       false},
      {"the newer list confirms as well",
       three,
       {{.voter = 1}, {.voter = 3, .accepted = 6, .voters = {3, 4, 5}}, {.voter = 2}, {.voter = 4, .accepted = 6}},
       true},
      {"a list to come in the newest map",
       three,
       {{.voter = 1, .accepted = 6, .next_voters = {1, 4, 5}}, {.voter = 2}, {.voter = 3}},
       false},
      {"a list to come in the newest map confirms as well",
       three,
       {{.voter = 1, .accepted = 6, .next_voters = {1, 4, 5}}, {.voter = 2}, {.voter = 5}},
       true},
      {"the newest is that of the highest ballot, whenever it comes",
       three,
       {{.voter = 3, .accepted = 6, .voters = {3}}, {.voter = 1, .accepted = 4, .voters = {7}}, {.voter = 2}},
       true},
      {"a voter that has accepted nothing names nobody",
       three,
       {{.voter = 3, .yes = false, .accepted = 0, .voters = {}}, {.voter = 1}, {.voter = 2}},
       true},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    LeaderLease lease(kLease);
    const std::uint64_t ask = lease.ask(at(5000));
    for (const Word& word : row.words)
      lease.on_reply(ask, NodeId{word.voter}, reply(word), row.own);
    CHECK(lease.until() == (row.is_confirmed ? at(5900) : kNever));
  }
}

TEST_CASE("6: a reply counts for its own ask, and the lease from the moment of that") {
  const ClusterMap own = map_of({1, 2, 3});
  LeaderLease lease(kLease);
  const std::uint64_t first = lease.ask(at(0));
  const std::uint64_t second = lease.ask(at(250));
  lease.on_reply(first, NodeId{1}, reply({.voter = 1}), own);
  lease.on_reply(second, NodeId{2}, reply({.voter = 2}), own);
  CHECK(lease.until() == kNever);
  SUBCASE("the later one is completed first") {
    lease.on_reply(second, NodeId{3}, reply({.voter = 3}), own);
    CHECK(lease.until() == at(1150));
    lease.on_reply(first, NodeId{2}, reply({.voter = 2}), own);
    CHECK(lease.until() == at(1150));
  }
  SUBCASE("the earlier one") {
    lease.on_reply(first, NodeId{2}, reply({.voter = 2}), own);
    CHECK(lease.until() == at(900));
    lease.on_reply(first, NodeId{3}, reply({.voter = 3}), own);
    CHECK(lease.until() == at(900));
    lease.on_reply(second, NodeId{1}, reply({.voter = 1}), own);
    CHECK(lease.until() == at(1150));
  }
  SUBCASE("one that was never made") {
    lease.on_reply(second + 1, NodeId{1}, reply({.voter = 1}), own);
    lease.on_reply(second + 1, NodeId{2}, reply({.voter = 2}), own);
    CHECK(lease.until() == kNever);
  }
}

TEST_CASE("6: the newest map of the leader's own decides, also where it is newer than the ask") {
  LeaderLease lease(kLease);
  const std::uint64_t ask = lease.ask(at(0));
  lease.on_reply(ask, NodeId{1}, reply({.voter = 1, .voters = {}}), map_of({1, 2, 3}));
  lease.on_reply(ask, NodeId{4}, reply({.voter = 4, .voters = {}}), map_of({1, 4, 5}));
  CHECK(lease.until() == at(900));
}

TEST_CASE("6: asks that too few answer are forgotten, the oldest first") {
  LeaderLease lease(kLease);
  const std::uint64_t first = lease.ask(at(1));
  for (std::int64_t n = 2; n <= 33; ++n)
    lease.ask(at(n));
  lease.on_reply(first, NodeId{1}, reply({.voter = 1, .voters = {1}}), map_of({1}));
  CHECK(lease.until() == kNever);
  lease.on_reply(first + 1, NodeId{1}, reply({.voter = 1, .voters = {1}}), map_of({1}));
  CHECK(lease.until() == at(902));
}

}  // namespace dht::lease
