// design.md 7, "Moving a primary": the old one stops, drains, reports *stopped in e*; only then the change. A stopped
// primary never serves epoch e again.
#include <doctest/doctest.h>

#include "support.h"

namespace dht::replica {

using testing::deliver;
using testing::Host;
using testing::kLearner;

TEST_CASE("a primary with nothing pending is stopped at once") {
  Host host;
  host.serve(1);
  const int reports = host.reports;
  host.stop(1);
  CHECK_FALSE(host.replica().is_serving());
  CHECK(host.replica().report().stopped);
  CHECK(host.reports == reports + 1);
}

TEST_CASE("a stop in another epoch is ignored, a repeated one is harmless") {
  Host host;
  host.stop(0);
  CHECK_FALSE(host.replica().report().stopped);  // a learner
  host.serve(3);
  host.stop(2);
  host.stop(4);
  CHECK(host.replica().is_serving());
  host.stop(3);
  const int reports = host.reports;
  host.stop(3);
  CHECK(host.replica().report().stopped);
  CHECK(host.reports == reports);
}

TEST_CASE("what was queued runs to its end before the primary reports that it stopped") {
  Host host;
  host.serve(1);
  host.disk.slow = true;
  const auto put = host.put("a", "1");
  const auto get = host.get("a");
  const auto merged = host.merge({NodeId{3}, ClusterId{4}, 1, {{StorageChange::Kind::put, "m", "1", 9, {}}}});
  const auto dropped = host.drop_copies(ClusterId{5});
  const auto last = host.get("m");
  host.stop(1);
  while (host.disk.waiting() > 0) {
    CHECK_FALSE(host.replica().report().stopped);
    host.disk.complete();
  }
  CHECK(host.replica().report().stopped);
  CHECK_FALSE(put->error());
  CHECK(get->outcome.entry->value.view() == "1");
  CHECK_FALSE(merged->error());
  CHECK_FALSE(dropped->error());
  CHECK(last->outcome.entry->value.view() == "1");
}

TEST_CASE("a primary is stopped only when its counted learners have acknowledged everything") {
  Host primary;
  Host learner;
  primary.serve(1, {{kLearner, 1}});
  deliver(primary, learner);
  const auto put = primary.put("a", "1");
  primary.stop(1);
  CHECK_FALSE(primary.replica().report().stopped);
  deliver(primary, learner);
  CHECK(put->is_there());
  CHECK(primary.replica().report().stopped);
}

TEST_CASE("a learner that is lost while the primary drains holds it until the map no longer names it") {
  Host primary;
  Host learner;
  primary.serve(1, {{kLearner, 1}});
  deliver(primary, learner);
  const auto put = primary.put("a", "1");
  primary.stop(1);
  primary.on_follower_unreachable(kLearner);
  CHECK_FALSE(primary.replica().report().stopped);
  primary.configure({});
  CHECK(put->is_there());
  CHECK(primary.replica().report().stopped);
}

TEST_CASE("a scan at the storage holds a primary that drains, and a drained one has nothing to scan") {
  Host host;
  host.serve(1);
  host.put("a", "1");
  host.disk.slow = true;
  const auto scan = host.scan();
  host.stop(1);
  CHECK_FALSE(host.replica().report().stopped);
  host.disk.complete_all();
  CHECK(host.replica().report().stopped);
  CHECK(scan->outcome.chunk.entries.size() == 1);

  const auto late = host.scan();
  CHECK(late->outcome.chunk.entries.empty());
  CHECK(late->outcome.chunk.next == kScanEnd);
  CHECK(std::move(host.replica()).release());
}

TEST_CASE("feeding a learner holds a primary that drains only while it reads, and goes on") {
  Host primary({.chunk_bytes = 10, .window_bytes = 50});
  Host learner;
  primary.serve(1);
  for (int i = 0; i < 50; ++i)
    primary.put("key" + std::to_string(i), "value");
  primary.disk.slow = true;
  primary.configure({{kLearner, 1}});
  primary.stop(1);
  CHECK_FALSE(primary.replica().report().stopped);
  primary.disk.complete_all();  // until the window is full
  CHECK(primary.replica().report().stopped);
  CHECK(primary.replica().report().level.empty());
  deliver(primary, learner);
  while (primary.disk.waiting() > 0) {
    primary.disk.complete_all();
    deliver(primary, learner);
  }
  CHECK(primary.replica().report().level.size() == 1);
  CHECK(learner.entries() == primary.entries());
}

TEST_CASE("the learner goes on where the stopped primary ended, and brings that one level in turn") {
  Host first;
  Host second;
  first.serve(1, {{kLearner, 1}});
  first.put("a", "1");
  first.merge({NodeId{3}, ClusterId{4}, 1, {{StorageChange::Kind::put, "m", "1", Version{7000} << 16, {}}}});
  deliver(first, second);
  first.erase("m");
  deliver(first, second);
  first.stop(1);
  REQUIRE(first.replica().report().stopped);
  const Version last = first.replica().last_version();

  constexpr NodeId kFirst{1};
  second.serve(2, {{kFirst, 2}});
  CHECK(second.replica().since() == 0);
  CHECK(second.get("a")->outcome.entry->value.view() == "1");
  const auto put = second.put("a", "2");
  second.merge({NodeId{3}, ClusterId{4}, 1, {{StorageChange::Kind::put, "m", "1", Version{7000} << 16, {}}}});
  CHECK(second.value("m") == "(none)");  // the number had taken effect before the move

  deliver(second, first, kFirst);
  CHECK(put->outcome.result.version > last);
  CHECK(first.replica().role() == Replica::Role::learner);
  CHECK_FALSE(first.replica().report().stopped);
  CHECK(first.entries() == second.entries());
}

TEST_CASE("a stopped primary serves again in a later epoch, with its streams begun anew") {
  Host primary;
  Host learner;
  primary.serve(1, {{kLearner, 1}});
  deliver(primary, learner);
  primary.stop(1);
  primary.serve(2, {{kLearner, 1}});
  CHECK(primary.replica().is_serving());
  CHECK_FALSE(primary.replica().report().stopped);
  CHECK(primary.replica().report().level.empty());
  primary.put("a", "1");
  deliver(primary, learner);
  CHECK(learner.replica().epoch() == 2);
  CHECK(learner.value("a") == "1");
}

TEST_CASE("a stopped primary that has not drained follows nobody") {
  Host host;
  host.serve(1);
  host.disk.slow = true;
  const auto put = host.put("a", "1");
  host.stop(1);
  host.on_piece({.stream = {0, 2, 1}, .index = 1, .seq = 0, .last_version = 0, .merges = {}, .changes = {}});
  CHECK(host.acks.back().refused);
  host.disk.complete_all();
  CHECK_FALSE(put->error());
}

TEST_CASE("the storage of a replica at rest can be taken over by another") {
  Host host;
  host.serve(1);
  host.put("a", "1");
  host.stop(1);
  const Version last = host.replica().last_version();
  const auto storage = std::move(host.replica()).release();
  REQUIRE(storage);
  CHECK(storage->get("a", nullptr)->entry->version == last);
}

}  // namespace dht::replica
