#include "simulation/desk.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <doctest/doctest.h>

namespace dht::testing::simulation {
namespace {

using namespace std::chrono_literals;
using Outcome = Operation::Outcome;

/// Two members, of which one is given up while it stands still.
class GivenUp {
 public:
  GivenUp() {
    ask(0, {.kind = Operation::Kind::put, .value = "v"});
    cluster().pause(1);
    REQUIRE(run_until([&] {
      const NodeRecord* record = cluster().node(0).map()->find(cluster().node(1).id());
      return record != nullptr && record->state == NodeState::down;
    }));
    const PendingStatus forgotten = cluster().forget(0, world_.name(1));
    REQUIRE(run_until([&] { return forgotten.is_done(); }));
    cluster().resume(1);
  }

  /// The operation as it was answered.
  Operation ask(std::size_t place, Operation operation) {
    std::optional<Operation> answered;
    desk_.ask({.place = place, .key = "k", .operation = operation, .deadline = 5s},
              [&](const Operation& as_answered) { answered = as_answered; });
    cluster().run_for(100ms);
    if (cluster().is_paused(place)) cluster().resume(place);
    REQUIRE(run_until([&] { return answered.has_value(); }));
    return *answered;
  }
  Cluster& cluster() { return world_.cluster(); }
  World& world() { return world_; }

 private:
  static Setting two_nodes() {
    Setting setting{.first_members = 2, .places = 2, .durable = true, .sync_delay = 2ms, .sync_delay_max = 2ms};
    setting.node.partitions = 16;
    return setting;
  }
  bool run_until(Function<bool()> predicate) { return cluster().run_until(std::move(predicate), 1min); }

  World world_{two_nodes(), 1, [](const NewProcess&) { return std::shared_ptr<void>(); }};
  Findings findings_;
  Desk desk_{world_, findings_};
};

TEST_CASE("a long value is known by its head, as long as its length is right") {
  const std::string value = padded("v7", 1000);
  CHECK(value.size() == 1007);
  CHECK(head_of(value) == "v7+1000");
  CHECK(head_of(value.substr(0, 900)) == "v7+1000 of 893 bytes");
  CHECK(head_of("v7+1000") == "v7+1000 of 0 bytes");
}

TEST_CASE("a short value is what it is") {
  CHECK(padded("c1/2", 0) == "c1/2");
  CHECK(head_of("c1/2") == "c1/2");
  CHECK(head_of("") == "");
}

TEST_CASE("what a process takes when it stands alone is not held against the cluster that it was asked of") {
  int taken_alone = 0;
  for (auto delay = 0us;; delay += 500us) {
    GivenUp scene;
    scene.cluster().run_for(delay);
    if (!scene.world().is_at_home(1)) break;
    scene.cluster().pause(1);
    const Operation read = scene.ask(1, {});
    const bool is_alone = !scene.world().is_at_home(1);
    if (is_alone && read.outcome == Outcome::unknown) ++taken_alone;
    CHECK_FALSE((is_alone && read.outcome == Outcome::done));
  }
  CHECK(taken_alone > 0);
}

TEST_CASE("what a process takes as a member counts, whether it stood still before or not") {
  GivenUp scene;
  CHECK(scene.ask(0, {}).outcome == Outcome::done);
  scene.cluster().pause(0);
  CHECK(scene.ask(0, {}).outcome == Outcome::done);
}

}  // namespace
}  // namespace dht::testing::simulation
