// What happens on the way in and on the way out: --join, SIGTERM, and the table meanwhile (design.md 8, "Stopping").
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/fake_table.h>
#include <dht/testing/manual_scheduler.h>

#include "join_loop.h"
#include "stop_sequence.h"
#include "stopping_table.h"
#include "support/fake_admin.h"
#include "support/held_table.h"

using namespace dhtd;
using namespace dhtd::testing;
using namespace std::chrono_literals;

namespace {

struct Lines {
  dht::LogSink sink() {
    return [this](dht::LogLevel, std::string_view line) { lines.emplace_back(line); };
  }
  bool mention(std::string_view part) const {
    for (const auto& line : lines) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }
  std::vector<std::string> lines;
};

void set_cluster(FakeAdmin& admin, std::uint64_t cluster) {
  dht::ClusterMap map;
  map.cluster = dht::ClusterId{cluster};
  admin.node_status.map = std::make_shared<const dht::ClusterMap>(map);
}

struct Stop {
  explicit Stop(bool comes_back = false) : comes_back_(comes_back) {
    admin.node_status.members = {{admin.node_status.id, "this", {}, dht::NodeState::active, true, 1, 0, 2, 3},
                                 {dht::NodeId{2}, "other", {}, dht::NodeState::active, true, 1, 0, 2, 3}};
  }

  const bool comes_back_;
  FakeAdmin admin;
  Lines log;
  SharedServiceState state{ServiceState::serving};
  std::size_t connections = 0;
  bool accepts = false;
  int finished = 0;
  std::vector<int> exits;
  dht::testing::ManualScheduler scheduler{1};
  StopSequence sequence{
      StopSequence::Parts{admin, scheduler, state, log.sink(), [this] { ++finished; },
                          [this] { return !accepts && connections == 0; }, [this] { return connections; },
                          [this](int code) { exits.push_back(code); }, comes_back_},
      10s};
};

}  // namespace

TEST_CASE("a join at start is tried with growing pauses until it succeeds, and says so once") {
  FakeAdmin admin;
  Lines log;
  dht::testing::ManualScheduler scheduler(1);
  JoinLoop loop(admin, scheduler, "a:1", log.sink());
  loop.start();
  for (std::size_t attempt = 1; attempt <= 20; ++attempt) {
    scheduler.run_for(6s);
    REQUIRE(admin.joins.size() == attempt);
    admin.join_handlers.back()({dht::Errc::unreachable, attempt % 2 == 0 ? "nobody there" : "still starting"});
  }
  CHECK(log.lines.size() == 1);
  CHECK(admin.goals.front() == dht::JoinGoal::all_peers_patiently);
  CHECK(admin.goals.back() == dht::JoinGoal::all_peers);
  scheduler.run_for(6s);
  admin.join_handlers.back()({});
  scheduler.run_for(60s);
  CHECK(admin.joins.size() == 21);
  CHECK(log.mention("together with all of a:1"));
}

TEST_CASE("the pause between joins doubles to five seconds, less up to half at random") {
  for (unsigned failures = 1; failures < 100; ++failures) {
    const auto longest = join_pause(failures, 0);
    CHECK(longest <= 5s);
    CHECK(longest >= 200ms);
    for (const std::uint64_t random : {1u, 500u, 1023u, 1024u, 4'000'000'000u}) {
      CHECK(join_pause(failures, random) <= longest);
      CHECK(join_pause(failures, random) >= longest / 2);
    }
  }
  CHECK(join_pause(1, 0) == 200ms);
  CHECK(join_pause(2, 0) == 400ms);
  CHECK(join_pause(50, 0) == 5s);
}

TEST_CASE("a stopped join loop begins no further attempt") {
  FakeAdmin admin;
  Lines log;
  dht::testing::ManualScheduler scheduler(1);
  JoinLoop loop(admin, scheduler, "a:1", log.sink());
  loop.start();
  scheduler.run_for(1s);
  loop.stop();
  admin.join_handlers.back()({dht::Errc::unreachable, "nobody"});
  scheduler.run_for(60s);
  CHECK(admin.joins.size() == 1);
}

TEST_CASE("stopping leaves the cluster, then refuses, then exits with 0") {
  Stop stop;
  stop.connections = 2;
  stop.sequence.begin();
  CHECK(stop.state == ServiceState::leaving);
  REQUIRE(stop.admin.last_leave_handlers.size() == 1);
  stop.scheduler.run_for(1s);
  CHECK(stop.exits.empty());
  stop.admin.last_leave_handlers[0]({});
  stop.scheduler.run_for(1ms);
  CHECK(stop.state == ServiceState::left);
  CHECK(stop.finished == 0);  // clients that are still there are told
  stop.scheduler.run_for(300ms);
  CHECK(stop.finished == 1);
  CHECK(stop.exits.empty());
  stop.connections = 0;
  stop.scheduler.run_for(50ms);
  CHECK(stop.exits == std::vector<int>{0});
}

TEST_CASE("clients that do not go away keep a stopping process only for a moment") {
  Stop stop;
  stop.connections = 2;
  stop.sequence.begin();
  stop.admin.last_leave_handlers[0]({});
  stop.scheduler.run_for(3s);
  CHECK(stop.exits == std::vector<int>{0});
}

TEST_CASE("a stop without clients ends when members have had their answers") {
  Stop stop;
  stop.sequence.begin();
  stop.admin.last_leave_handlers[0]({});
  stop.scheduler.run_for(1ms);
  CHECK(stop.exits.empty());
  stop.scheduler.run_for(50ms);
  CHECK(stop.exits == std::vector<int>{0});
}

TEST_CASE("a leave that is refused is tried again") {
  Stop stop;
  stop.sequence.begin();
  stop.admin.last_leave_handlers[0]({dht::Errc::conflict, "a join is under way"});
  stop.scheduler.run_for(1s);
  REQUIRE(stop.admin.last_leave_handlers.size() == 2);
  stop.admin.last_leave_handlers[1]({});
  stop.scheduler.run_for(1s);
  CHECK(stop.exits == std::vector<int>{0});
}

TEST_CASE("past the stop time-out the exit code is 3, and the log names what stayed behind") {
  Stop stop;
  stop.admin.node_status.id = dht::NodeId{5};
  stop.admin.node_status.members = {{dht::NodeId{4}, "b", {}, dht::NodeState::active, true, 1, 0, 2, 3},
                                    {dht::NodeId{5}, "a", {}, dht::NodeState::leaving, true, 12, 0, 345, 6789}};
  stop.sequence.begin();
  stop.scheduler.run_for(9s);
  CHECK(stop.exits.empty());
  stop.scheduler.run_for(2s);
  CHECK(stop.exits == std::vector<int>{3});
  CHECK(stop.log.mention("12 partitions with 345 entries (6789 bytes) stayed behind"));
  stop.admin.last_leave_handlers[0]({});
  stop.scheduler.run_for(10s);
  CHECK(stop.exits.size() == 1);
}

TEST_CASE("a second signal says that data is lost only while this node still has some to hand over") {
  Stop stop;
  stop.sequence.begin();
  CHECK(stop.sequence.cut_short(15) == 3);
  CHECK(stop.log.mention("is lost"));
  stop.log.lines.clear();
  stop.admin.last_leave_handlers[0]({});
  stop.scheduler.run_for(1ms);
  CHECK(stop.sequence.cut_short(15) == 0);
  CHECK_FALSE(stop.log.mention("is lost"));
  CHECK(stop.log.mention("signal 15 again"));
}

TEST_CASE("while serving, the table is what it is") {
  dht::testing::FakeTable inner;
  FakeAdmin admin;
  SharedServiceState state{ServiceState::serving};
  StoppingTable table(inner, admin, state);
  table.put("k", "v");
  CHECK(table.get("k")->value.view() == "v");
  CHECK(table.erase("k").existed);
}

TEST_CASE("while leaving, answers of the cluster count, answers of the copy do not") {
  HeldTable inner;
  FakeAdmin admin;
  SharedServiceState state{ServiceState::leaving};
  StoppingTable table(inner, admin, state);
  std::vector<std::error_code> errors;
  const auto ask = [&] {
    table.get("k", [&](std::error_code error, std::optional<dht::Entry>) { errors.push_back(error); });
    table.put("k", "v", [&](std::error_code error, dht::WriteResult) { errors.push_back(error); });
  };
  set_cluster(admin, 1);
  ask();
  ask();
  inner.answer(0, "v");
  inner.writes.at(0).handler({}, {1, false});
  CHECK(errors == std::vector<std::error_code>{{}, {}});
  set_cluster(admin, 2);  // it stands alone now
  errors.clear();
  inner.answer(1, "v");
  inner.writes.at(1).handler({}, {1, false});
  CHECK(errors == std::vector<std::error_code>{dht::Errc::stopped, dht::Errc::outcome_unknown});
}

TEST_CASE("after the leave the table is not even asked") {
  HeldTable inner;
  FakeAdmin admin;
  SharedServiceState state{ServiceState::left};
  StoppingTable table(inner, admin, state);
  std::error_code error;
  CHECK_FALSE(table.get("k", error).has_value());
  CHECK(error == dht::Errc::stopped);
  table.put("k", "v", error);
  CHECK(error == dht::Errc::stopped);
  CHECK(inner.gets.empty());
  CHECK(inner.writes.empty());
}

TEST_CASE("a node that comes back hands over, and serves those who are connected until they have their answers") {
  Stop stop(true);
  stop.connections = 1;
  stop.accepts = true;
  stop.sequence.begin();
  CHECK(stop.admin.last_leave_handlers.empty());
  REQUIRE(stop.admin.aside_handlers.size() == 1);
  stop.admin.aside_handlers[0]({dht::Errc::not_applied, "no leader"});
  stop.scheduler.run_for(1s);
  REQUIRE(stop.admin.aside_handlers.size() == 2);
  CHECK(stop.sequence.cut_short(15) == 3);
  CHECK(stop.log.mention("on disk, and there again when it is"));
  stop.admin.aside_handlers[1]({});
  stop.scheduler.run_for(2s);
  CHECK(stop.state == ServiceState::leaving);  // requests are not refused
  CHECK(stop.finished == 1);
  CHECK(stop.exits.empty());
  stop.connections = 0;
  stop.scheduler.run_for(50ms);
  CHECK(stop.exits.empty());  // one more may be waiting to be accepted
  stop.accepts = false;
  stop.scheduler.run_for(50ms);
  CHECK(stop.exits == std::vector<int>{0});
}

TEST_CASE("where a node that comes back cannot hand over in time nothing is said to be lost") {
  Stop stop(true);
  stop.sequence.begin();
  stop.scheduler.run_for(11s);
  CHECK(stop.exits == std::vector<int>{3});
  CHECK(stop.log.mention("not served until this node is started again; nothing is lost"));
}

TEST_CASE(
    "a node that comes back does not wait for members that are all gone, but for some that are not seen just now") {
  Stop stop(true);
  stop.sequence.begin();
  bool by_leases = true;
  SUBCASE("by their leases") {}
  SUBCASE("without a lease of its own") { by_leases = false; }
  const auto set_seen = [&](bool is_seen) {
    (by_leases ? stop.admin.node_status.members[1].lease : stop.admin.node_status.ready) = is_seen;
  };
  set_seen(false);
  stop.scheduler.run_for(3s);
  set_seen(true);
  stop.scheduler.run_for(500ms);
  set_seen(false);
  stop.scheduler.run_for(4s);
  CHECK(stop.exits.empty());
  stop.scheduler.run_for(2s);
  CHECK(stop.exits == std::vector<int>{0});
  CHECK(stop.log.mention("no other member is there"));
  stop.admin.aside_handlers[0]({dht::Errc::not_applied, "no leader"});
  stop.scheduler.run_for(10s);
  CHECK(stop.exits.size() == 1);
  CHECK(stop.admin.aside_handlers.size() == 1);
}

TEST_CASE("a node that leaves for good waits for the others, whose data it has") {
  Stop stop;
  stop.sequence.begin();
  stop.admin.node_status.ready = false;
  stop.scheduler.run_for(9s);
  CHECK(stop.exits.empty());
}
