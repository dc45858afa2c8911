// design.md 5 and 7 where the storage is durable: what is claimed is on disk before, and a restarted replica claims no
// more than that.
#include <doctest/doctest.h>

#include "replica/replica_state.h"
#include "support.h"

namespace dht::replica {
namespace {

using testing::deliver;
using testing::Host;
using testing::kLearner;

constexpr NodeId kNodeOne{1};
constexpr NodeId kNodeTwo{2};

PartitionRecord led_by(Epoch primary_since, NodeId primary, std::vector<NodeId> backups = {}) {
  return {.epoch = primary_since, .primary_since = primary_since, .primary = primary, .backups = std::move(backups)};
}

void begin(Host& host) {
  host.serve(1);
  host.disk.sync();
}

}  // namespace

TEST_CASE("a new primary serves once its term is durable") {
  Host host(std::string_view{});
  host.serve(1);
  CHECK_FALSE(host.replica().is_serving());
  CHECK(decode_replica_state(host.disk.state)->followed == 1);
  host.disk.sync();
  CHECK(host.replica().is_serving());
  CHECK(host.openings == 1);
}

TEST_CASE("a write is answered when it is durable, and so is whoever has seen it") {
  Host host(std::string_view{});
  begin(host);
  const auto put = host.put("a", "1");
  const auto get = host.get("a");
  const auto refused = host.put("a", "2", Precondition::absent());
  const auto other = host.get("b");
  CHECK(other->is_there());
  for (const int calls : {put->calls, get->calls, refused->calls})
    CHECK(calls == 0);
  host.disk.sync();
  CHECK_FALSE(put->error());
  CHECK(get->outcome.entry->value.view() == "1");
  CHECK(refused->error() == Errc::precondition_failed);
}

TEST_CASE("writes of one key share a sync") {
  Host host(std::string_view{});
  begin(host);
  const auto first = host.put("a", "1");
  const auto second = host.put("a", "2");
  host.disk.sync();
  CHECK_FALSE(first->error());
  CHECK_FALSE(second->error());
  CHECK(host.value("a") == "2");
}

TEST_CASE("with every change goes the state that it leads to") {
  Host host(std::string_view{});
  begin(host);
  host.put("a", "1");
  const auto state = decode_replica_state(host.disk.state);
  REQUIRE(state);
  CHECK(state->is_complete);
  CHECK(state->seq == 1);
  CHECK(state->clock == host.replica().last_version());
  CHECK(state->starts == std::vector<wire::EpochStart>{{1, 1}});
  host.merge({.joiner = NodeId{3}, .from = ClusterId{4}, .number = 1, .changes = {}});
  CHECK(decode_replica_state(host.disk.state)->merges == std::vector<wire::MergeMark>{{NodeId{3}, 1, 0}});
}

TEST_CASE("a write is sent to the backups before it is durable here, and answered when it is durable everywhere") {
  Host primary(std::string_view{});
  begin(primary);
  Host backup;
  primary.configure({{kLearner, 5}});
  deliver(primary, backup);
  const auto put = primary.put("a", "1");
  CHECK(primary.pieces.size() == 1);
  deliver(primary, backup);
  CHECK_FALSE(put->is_there());
  primary.disk.sync();
  CHECK_FALSE(put->error());
}

TEST_CASE("a backup acknowledges what is durable") {
  Host primary;
  Host backup(std::string_view{});
  primary.serve(1, {{kLearner, 1}});
  deliver(primary, backup);
  CHECK(backup.acks.empty());
  backup.disk.sync();
  deliver(primary, backup);
  REQUIRE(primary.replica().report().level.size() == 1);
  const auto put = primary.put("a", "1");
  deliver(primary, backup);
  CHECK(backup.value("a") == "1");
  CHECK_FALSE(put->is_there());
  backup.disk.sync();
  deliver(primary, backup);
  CHECK_FALSE(put->error());
}

TEST_CASE("a copy is worth nothing before its end, and all of it afterwards") {
  Host primary;
  primary.serve(1);
  primary.put("a", "1");
  Host learner(std::string_view{});
  primary.configure({{kLearner, 5}});
  REQUIRE(primary.pieces.size() == 3);
  for (const bool is_ended : {false, true}) {
    CAPTURE(is_ended);
    while (primary.pieces.size() > (is_ended ? 0U : 1U)) {
      learner.on_piece(std::move(primary.pieces.front().piece));
      primary.pieces.pop_front();
    }
    CHECK(decode_replica_state(learner.disk.state)->is_complete == is_ended);
    Host restarted(learner.disk.state);
    CHECK(restarted.replica().is_complete() == is_ended);
    CHECK(restarted.replica().position() == (is_ended ? ReplicaPosition{1, 1} : ReplicaPosition{}));
  }
}

TEST_CASE("a restarted primary has stopped in the term that it was in, and says so") {
  Host before(std::string_view{});
  begin(before);
  before.put("a", "1");
  Host host(before.disk.state);
  CHECK(host.replica().role() == Replica::Role::learner);
  host.come_back(led_by(1, kNodeOne));
  CHECK_FALSE(host.replica().is_serving());
  CHECK(host.replica().report().stopped);
  CHECK(host.replica().report().epoch == 1);
  SUBCASE("a newer epoch of the same term changes nothing") {
    host.configure_as({.epoch = 2, .primary_since = 1, .primary = kNodeOne, .learners = {{kLearner, 9}}});
    CHECK(host.pieces.empty());
    CHECK(host.replica().report().stopped);
    CHECK(host.replica().report().epoch == 2);
  }
  SUBCASE("in a new term it goes on numbering, with newer versions") {
    host.serve_as(led_by(3, kNodeOne));
    host.disk.sync();
    CHECK(host.put("b", "2")->calls == 0);
    host.disk.sync();
    CHECK(host.replica().position() == ReplicaPosition{3, 2});
    CHECK(host.replica().last_version() > before.replica().last_version());
  }
}

TEST_CASE("a restarted backup tells its position when it is durable, and is brought level from there") {
  Host primary;
  Host backup(std::string_view{});
  primary.serve(1, {{kNodeTwo, 1}});
  deliver(primary, backup, kNodeTwo);
  backup.disk.sync();
  deliver(primary, backup, kNodeTwo);
  primary.configure_as({.epoch = 2, .primary_since = 1, .primary = kNodeOne, .backups = {kNodeTwo}});
  primary.put("a", "1");
  deliver(primary, backup, kNodeTwo);  // and it stops before it has acknowledged
  Host restarted(backup.disk.state);
  restarted.back_up({.epoch = 2, .primary_since = 1, .primary = kNodeOne, .backups = {kNodeTwo}});
  primary.on_follower_unreachable(kNodeTwo);
  const auto put = primary.put("b", "2");
  primary.tend(Instant{}, std::chrono::seconds(1));
  deliver(primary, restarted, kNodeTwo);
  CHECK(restarted.acks.empty());
  for (int i = 0; i < 3; ++i) {
    restarted.disk.sync();
    deliver(primary, restarted, kNodeTwo);
  }
  CHECK_FALSE(put->error());
  CHECK(restarted.replica().position() == primary.replica().position());
  CHECK(restarted.value("b") == "2");
}

TEST_CASE("where a sync fails nothing is answered that may be wrong, and nothing more is answered") {
  Host host(std::string_view{});
  begin(host);
  const auto put = host.put("a", "1");
  const auto get = host.get("a");
  host.disk.sync_fails = true;
  host.disk.sync();
  CHECK(put->error() == Errc::outcome_unknown);
  CHECK(get->error() == Errc::not_applied);
  CHECK_FALSE(host.replica().is_serving());
  SUBCASE("a backup acknowledges nothing any more") {
    Host primary;
    Host backup(std::string_view{});
    backup.disk.sync_fails = true;
    primary.serve(1, {{kLearner, 1}});
    deliver(primary, backup);
    backup.disk.sync();
    CHECK(backup.acks.empty());
  }
}

}  // namespace dht::replica
