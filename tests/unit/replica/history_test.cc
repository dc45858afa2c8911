// design.md 7: "A replica joins epoch e+1 only if its position is a prefix of the new primary's history".
#include "replica/history.h"

#include <vector>

#include <doctest/doctest.h>

namespace dht::replica {
namespace {

/// Changes 1 to 3 in epoch 2, 4 and 5 in epoch 6.
History sample() {
  History history;
  history.begin_epoch(2);
  for (Seq seq = 1; seq <= 3; ++seq)
    history.extend(seq);
  history.begin_epoch(6);
  for (Seq seq = 4; seq <= 5; ++seq)
    history.extend(seq);
  return history;
}

}  // namespace

TEST_CASE("a history knows where it stands") {
  CHECK(History().position() == ReplicaPosition{0, 0});
  CHECK(sample().position() == ReplicaPosition{6, 5});
}

TEST_CASE("a position is part of a history where its epoch gave that number") {
  const History history = sample();
  for (const ReplicaPosition part : {ReplicaPosition{0, 0}, {2, 1}, {2, 3}, {6, 4}, {6, 5}})
    CHECK(history.contains(part));
  for (const ReplicaPosition other : {ReplicaPosition{2, 4}, {6, 3}, {4, 4}, {6, 6}, {7, 5}, {0, 2}})
    CHECK_FALSE(history.contains(other));
}

TEST_CASE("an epoch in which nothing was numbered leaves no trace") {
  History history = sample();
  history.begin_epoch(8);
  CHECK(history.position() == ReplicaPosition{6, 5});
  history.begin_epoch(9);
  history.extend(6);
  CHECK(history.position() == ReplicaPosition{9, 6});
  CHECK_FALSE(history.contains({8, 6}));
}

TEST_CASE("a new primary leaves out epochs of which it has no change, though it knows when they began (seed 46773)") {
  History history;
  history.begin_epoch(3);
  for (Seq seq = 1; seq <= 26; ++seq)
    history.extend(seq);
  // The primary of epoch 5 began at change 28, and died before it had sent change 27.
  history.adopt({{3, 1}, {5, 28}});
  history.begin_epoch(6);
  CHECK(history.starts() == std::vector<wire::EpochStart>{{3, 1}, {6, 27}});
  CHECK(history.position() == ReplicaPosition{3, 26});
}

TEST_CASE("positions of long ago are not taken for part of the history") {
  History history;
  for (Seq seq = 1; seq <= 100; ++seq) {
    history.begin_epoch(seq);
    history.extend(seq);
  }
  CHECK(history.contains({100, 100}));
  CHECK_FALSE(history.contains({1, 1}));
  CHECK(history.starts().size() < 100);
}

TEST_CASE("what is kept is what follows the committed changes") {
  History history;
  history.begin_epoch(1);
  CHECK(history.has_all_after(0));
  for (Seq seq = 1; seq <= 4; ++seq) {
    history.extend(seq);
    history.keep({.seq = seq});
  }
  history.forget(2);
  CHECK(history.kept().size() == 2);
  CHECK(history.has_all_after(2));
  CHECK(history.has_all_after(4));
  CHECK_FALSE(history.has_all_after(1));
}

TEST_CASE("a change that was not kept leaves a gap that is seen") {
  History history;
  history.begin_epoch(1);
  history.extend(1);
  history.keep({.seq = 1});
  history.extend(2);
  CHECK_FALSE(history.has_all_after(1));
  history.extend(3);
  history.keep({.seq = 3});
  CHECK_FALSE(history.has_all_after(1));
  CHECK(history.has_all_after(2));
}

TEST_CASE("a copy takes over the history and keeps nothing of its own") {
  History history;
  history.begin_epoch(1);
  history.extend(1);
  history.keep({.seq = 1});
  history.begin_copy(5, sample().starts());
  CHECK(history.position() == ReplicaPosition{6, 5});
  CHECK(history.kept().empty());
}

}  // namespace dht::replica
