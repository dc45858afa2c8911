// design.md 7: "One activation routine serves failover, restart and moves: begin the epoch, collect positions, bring
// the backups level, open", and what backups and a primary that was replaced do.
#include <chrono>

#include <doctest/doctest.h>

#include "support.h"

namespace dht::replica {
namespace {

using namespace std::chrono_literals;
using testing::Host;

constexpr NodeId kA{1};
constexpr NodeId kB{2};
constexpr NodeId kC{3};
constexpr NodeId kD{4};
constexpr Duration kPatience = 500ms;

PartitionRecord record(Epoch epoch, Epoch primary_since, NodeId primary, std::vector<NodeId> backups) {
  return {.epoch = epoch, .primary_since = primary_since, .primary = primary, .backups = std::move(backups)};
}

/// Delivers what `from` sends to one node, and its answers; what is for others stays.
void exchange(Host& from, NodeId id, Host& to) {
  for (bool busy = true; busy;) {
    busy = false;
    for (auto it = from.pieces.begin(); it != from.pieces.end(); ++it) {
      if (it->follower != id) continue;
      auto piece = std::move(it->piece);
      from.pieces.erase(it);
      to.on_piece(std::move(piece));
      busy = true;
      break;
    }
    while (!to.acks.empty()) {
      const auto ack = to.acks.front();
      to.acks.pop_front();
      from.on_ack(id, ack);
      busy = true;
    }
  }
}

/// A is primary, B and C are backups, all level; key "a" is "1".
struct Trio {
  Host a, b, c;

  Trio() {
    a.serve(1, {{kB, 1}, {kC, 1}});
    a.put("a", "1");
    settle();
    become_backups(2);
  }
  void settle() {
    exchange(a, kB, b);
    exchange(a, kC, c);
  }
  void become_backups(Epoch epoch) {
    const auto next = record(epoch, 1, kA, {kB, kC});
    a.configure_as(next);
    b.back_up(next);
    c.back_up(next);
  }
  /// A is called down in the configuration of `epoch`.
  void seal(Epoch epoch) {
    const auto same = record(epoch, 1, kA, {kB, kC});
    b.back_up(same, true);
    c.back_up(same, true);
  }
};

}  // namespace

TEST_CASE("learners that are level become backups without a pause") {
  Trio trio;
  CHECK(trio.a.replica().is_serving());
  CHECK(trio.a.replica().report().level.empty());
  const auto put = trio.a.put("b", "2");
  CHECK_FALSE(put->is_there());
  exchange(trio.a, kB, trio.b);
  CHECK_FALSE(put->is_there());
  exchange(trio.a, kC, trio.c);
  CHECK(put->is_there());
  CHECK(trio.c.value("b") == "2");
  CHECK(trio.b.replica().position() == trio.a.replica().position());
}

TEST_CASE("a sealed backup tells where it stands, and takes nothing more of that primary") {
  Trio trio;
  CHECK_FALSE(trio.b.replica().report().sealed_at);
  trio.seal(2);
  CHECK(trio.b.replica().report().sealed_at == ReplicaPosition{1, 1});
  const auto put = trio.a.put("b", "2");
  trio.settle();
  CHECK_FALSE(put->is_there());
  CHECK(trio.b.value("b") == "(none)");
  CHECK(trio.b.replica().report().sealed_at == ReplicaPosition{1, 1});
  CHECK(trio.a.replica().report().lost_backups == std::vector{kB, kC});
}

TEST_CASE("a backup that is sealed tells its position once its storage has everything that it took") {
  Trio trio;
  trio.b.disk.slow = true;
  trio.a.put("b", "2");
  exchange(trio.a, kB, trio.b);
  trio.seal(2);
  CHECK_FALSE(trio.b.replica().report().sealed_at);
  trio.b.disk.complete_all();
  CHECK(trio.b.replica().report().sealed_at == ReplicaPosition{1, 2});
}

TEST_CASE("the furthest backup takes over, brings the other level, and serves only then") {
  Trio trio;
  trio.a.put("b", "2");
  exchange(trio.a, kB, trio.b);  // C has not got it
  trio.seal(2);
  REQUIRE(trio.b.replica().report().sealed_at > trio.c.replica().report().sealed_at);
  const auto next = record(3, 3, kB, {kC});
  trio.b.serve_as(next);
  CHECK_FALSE(trio.b.replica().is_serving());
  CHECK(trio.b.openings == 0);
  trio.c.back_up(next);
  exchange(trio.b, kC, trio.c);
  CHECK(trio.b.replica().is_serving());
  CHECK(trio.b.openings == 1);
  CHECK(trio.c.entries() == trio.b.entries());
  CHECK(trio.c.value("b") == "2");
  CHECK(trio.c.replica().position() == trio.b.replica().position());
  const auto put = trio.b.put("c", "3");
  CHECK_FALSE(put->is_there());
  exchange(trio.b, kC, trio.c);
  CHECK(put->is_there());
}

TEST_CASE("the new primary's stream may come before the map that announces it") {
  Trio trio;
  trio.seal(2);
  trio.b.serve_as(record(3, 3, kB, {kC}));
  exchange(trio.b, kC, trio.c);
  CHECK(trio.b.replica().is_serving());
  CHECK(trio.c.replica().primary_since() == 3);
}

TEST_CASE("a backup whose position is not part of the new primary's history is not brought level") {
  Trio trio;
  trio.a.put("b", "2");
  exchange(trio.a, kC, trio.c);  // B has not got it, and yet takes over
  trio.seal(2);
  trio.b.serve_as(record(3, 3, kB, {kC}));
  exchange(trio.b, kC, trio.c);
  CHECK_FALSE(trio.b.replica().is_serving());
  CHECK(trio.b.replica().report().lost_backups == std::vector{kC});
  CHECK(trio.c.value("b") == "2");
  trio.b.configure_as(record(4, 3, kB, {}));
  CHECK(trio.b.replica().is_serving());
  CHECK(trio.b.openings == 1);
}

TEST_CASE("a primary that takes over again trusts no earlier acknowledgement") {
  Trio trio;
  const auto put = trio.a.put("b", "2");
  exchange(trio.a, kB, trio.b);
  trio.seal(2);
  trio.a.serve_as(record(3, 3, kA, {kB, kC}));
  CHECK_FALSE(trio.a.replica().is_serving());
  CHECK_FALSE(put->is_there());
  exchange(trio.a, kB, trio.b);
  CHECK_FALSE(trio.a.replica().is_serving());
  exchange(trio.a, kC, trio.c);
  CHECK(trio.a.replica().is_serving());
  CHECK(put->error() == std::error_code{});  // its history goes on, and all have it now
  CHECK(trio.c.value("b") == "2");
}

TEST_CASE("what a deposed primary had pending is of unknown outcome, and its reads may be asked elsewhere") {
  Trio trio;
  const auto put = trio.a.put("a", "2");
  const auto get = trio.a.get("a");
  const auto other = trio.a.get("b");
  CHECK(other->is_there());
  CHECK_FALSE(get->is_there());
  trio.a.depose();
  CHECK(put->error() == Errc::outcome_unknown);
  CHECK(get->error() == Errc::not_applied);
  CHECK_FALSE(trio.a.replica().is_serving());
}

TEST_CASE("a stream to a backup that broke is taken up where the backup stands") {
  Trio trio;
  const auto lost = trio.a.put("b", "2");
  trio.a.pieces.clear();
  trio.a.on_follower_unreachable(kB);
  const auto meanwhile = trio.a.put("c", "3");
  trio.a.pieces.clear();
  trio.a.on_follower_unreachable(kC);
  CHECK(trio.a.replica().awaits_followers());
  CHECK(trio.a.replica().is_serving());
  trio.a.tend(Instant{1s}, kPatience);
  trio.settle();
  CHECK(lost->is_there());
  CHECK(meanwhile->is_there());
  CHECK(trio.b.entries() == trio.a.entries());
  CHECK(trio.c.entries() == trio.a.entries());
  CHECK_FALSE(trio.a.replica().awaits_followers());
}

TEST_CASE("a backup that makes writes wait for long is given up") {
  Trio trio;
  const auto put = trio.a.put("b", "2");
  exchange(trio.a, kC, trio.c);
  trio.a.tend(Instant{1s}, kPatience);
  trio.a.tend(Instant{1s + kPatience - 1ms}, kPatience);
  CHECK(trio.a.replica().report().lost_backups.empty());
  trio.a.tend(Instant{1s + kPatience}, kPatience);
  CHECK(trio.a.replica().report().lost_backups == std::vector{kB});
  CHECK_FALSE(put->is_there());  // only a newer map may say so
  trio.a.configure_as(record(3, 1, kA, {kC}));
  CHECK(put->is_there());
}

TEST_CASE("a learner that answers nothing at all is given up, much later than a backup") {
  Trio trio;
  PartitionRecord learning = record(2, 1, kA, {kB, kC});
  learning.learners = {{kD, 9}};
  trio.a.configure_as(learning);
  exchange(trio.a, kB, trio.b);
  exchange(trio.a, kC, trio.c);
  trio.a.tend(Instant{1s}, kPatience);
  trio.a.tend(Instant{1s + 8 * kPatience - 1ms}, kPatience);
  CHECK(trio.a.replica().report().lost.empty());
  trio.a.tend(Instant{1s + 8 * kPatience}, kPatience);
  CHECK(trio.a.replica().report().lost == std::vector<LearnerRecord>{{kD, 9}});
  CHECK(trio.a.replica().report().lost_backups.empty());
}

TEST_CASE("a backup that answers, however slowly, is not given up") {
  Trio trio;
  for (int i = 0; i < 10; ++i)
    trio.a.put("b", std::to_string(i));
  exchange(trio.a, kC, trio.c);
  for (int i = 0; i < 10; ++i) {
    trio.a.tend(Instant{1s + i * (kPatience - 1ms)}, kPatience);
    trio.b.on_piece(trio.a.pieces.front().piece);
    trio.a.pieces.pop_front();
    trio.a.on_ack(kB, trio.b.acks.back());
  }
  CHECK(trio.a.replica().report().lost_backups.empty());
}

TEST_CASE("a primary that has handed over to a backup is its backup, with all it has") {
  Trio trio;
  trio.a.put("b", "2");
  trio.settle();
  trio.a.stop(2);
  REQUIRE(trio.a.replica().report().stopped);
  const auto next = record(3, 3, kB, {kA, kC});
  trio.b.serve_as(next);
  exchange(trio.b, kA, trio.a);  // before the map that says so
  trio.a.back_up(next);
  trio.c.back_up(next);
  exchange(trio.b, kC, trio.c);
  CHECK(trio.b.replica().is_serving());
  trio.b.put("c", "3");
  exchange(trio.b, kA, trio.a);
  exchange(trio.b, kC, trio.c);
  CHECK(trio.a.entries() == trio.b.entries());
  CHECK(trio.a.replica().position() == trio.b.replica().position());
}

TEST_CASE("a stopped primary does not serve again by another configuration of its epoch") {
  Trio trio;
  trio.a.stop(2);
  trio.a.configure_as(record(3, 1, kA, {kB}));
  CHECK_FALSE(trio.a.replica().is_serving());
  CHECK(trio.a.replica().report().stopped);
  CHECK(trio.a.replica().report().epoch == 3);
  trio.a.serve_as(record(4, 4, kA, {kB}));
  exchange(trio.a, kB, trio.b);
  CHECK(trio.a.replica().is_serving());
}

TEST_CASE("the version clock and the marks of joiners travel to backups, and to the next primary") {
  Trio trio;
  trio.a.wall_ms = 1'000'000;
  trio.a.merge({.joiner = NodeId{9}, .from = ClusterId{5}, .number = 1, .by = 3});
  const auto put = trio.a.put("b", "2");
  trio.settle();
  const Version given = put->outcome.result.version;
  trio.seal(2);
  trio.b.serve_as(record(3, 3, kB, {}));
  CHECK(trio.b.put("b", "3")->outcome.result.version > given);
  const auto again = trio.b.merge({.joiner = NodeId{9},
                                   .from = ClusterId{5},
                                   .number = 1,
                                   .changes = {{StorageChange::Kind::put, "x", "1", 1, {}}},
                                   .by = 3});
  CHECK(again->error() == std::error_code{});
  CHECK(trio.b.value("x") == "(none)");
}

}  // namespace dht::replica
