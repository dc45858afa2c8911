// What clients see of a primary without learners: outcomes, versions, order per key, storages that complete later or
// fail.
#include <doctest/doctest.h>

#include "../storage/allocation_watch.h"
#include "support.h"

namespace dht::replica {

using testing::Host;

TEST_CASE("with a storage that completes inline every outcome is there at once") {
  Host host;
  host.serve(1);
  const auto put = host.put("a", "1");
  REQUIRE(put->is_there());
  CHECK(put->outcome.result.existed == false);
  CHECK(host.get("a")->outcome.entry == Entry{Value(std::string("1")), put->outcome.result.version});
  CHECK(host.put("a", "2")->outcome.result.existed == true);
  CHECK(host.erase("a")->outcome.result == WriteResult{0, true});
  CHECK(host.erase("a")->outcome.result == WriteResult{0, false});
  CHECK_FALSE(host.get("a")->outcome.entry);
}

TEST_CASE("a local read allocates nothing but what its answer needs (design.md 10)") {
  Host unused;
  const auto memory = make_memory_storage(/*seed=*/1);
  Replica replica(0, memory->open(ClusterId{1}, 0), unused, {});
  Effects effects;
  replica.serve({.epoch = 1}, effects);
  const std::string large(1000, 'v');
  WriteHandler written = [](std::error_code, WriteResult) {};
  for (const auto& [key, value] : {std::pair{"small", std::string("v")}, {"large", large}})
    replica.write({WriteRequest::Kind::put, key, value}, {}, 1000, written, effects);

  const auto allocations_of_get = [&](std::string_view key) {
    GetHandler handler = [](std::error_code, std::optional<Entry>) {};
    const auto before = dht::testing::allocations();
    const auto outcome = replica.get(key, handler, effects);
    const auto after = dht::testing::allocations();
    CHECK(outcome);
    return after - before;
  };
  CHECK(allocations_of_get("absent") == 0);
  CHECK(allocations_of_get("small") == 0);
  CHECK(allocations_of_get("large") == 1);
}

TEST_CASE("versions strictly grow, whatever the wall clock does (design.md 4)") {
  Host host;
  host.serve(1);
  Version last = 0;
  for (const std::uint64_t wall : {1000U, 1000U, 999U, 0U, 2000U, 1500U}) {
    host.wall_ms = wall;
    const Version version = host.put("a", "x")->outcome.result.version;
    CHECK(version > last);
    CHECK(version >= wall << 16);
    last = version;
  }
  CHECK(host.replica().last_version() == last);
}

TEST_CASE("a key that was erased and put again has a newer version") {
  Host host;
  host.serve(1);
  const Version first = host.put("a", "1")->outcome.result.version;
  host.erase("a");
  CHECK(host.put("a", "1", Precondition::absent())->outcome.result.version > first);
}

TEST_CASE("a precondition decides at the moment of the write, and a failed one changes nothing") {
  Host host;
  host.serve(1);
  const auto failed = [](const testing::WriteAnswer& answer) { return answer->error() == Errc::precondition_failed; };
  CHECK(failed(host.put("a", "1", Precondition::present())));
  CHECK(failed(host.put("a", "1", Precondition::matches(7))));
  CHECK(failed(host.erase("a", Precondition::present())));
  const Version version = host.put("a", "1", Precondition::absent())->outcome.result.version;
  CHECK(failed(host.put("a", "2", Precondition::absent())));
  CHECK(failed(host.erase("a", Precondition::matches(version + 1))));
  CHECK(host.value("a") == "1");
  CHECK_FALSE(host.erase("a", Precondition::matches(version))->error());
  CHECK(host.value("a") == "(none)");
}

TEST_CASE("with a storage that completes later, operations on one key keep their order and other keys go on") {
  Host host;
  host.serve(1);
  host.disk.slow = true;
  const auto put = host.put("a", "1");
  const auto get = host.get("a");
  const auto erase = host.erase("a");
  const auto other = host.get("b");
  CHECK(host.disk.waiting() == 2);  // one of "a", one of "b"
  host.disk.complete(1);
  CHECK(other->is_there());
  CHECK_FALSE(put->is_there());
  host.disk.complete_all();
  CHECK_FALSE(put->outcome.result.existed);
  CHECK(get->outcome.entry->value.view() == "1");
  CHECK(erase->outcome.result.existed);
  for (const int calls : {put->calls, get->calls, erase->calls, other->calls})
    CHECK(calls == 1);
}

TEST_CASE("keys and values are the replica's own while a write waits") {
  Host host;
  host.serve(1);
  host.disk.slow = true;
  const auto first = host.put("key", "first");
  {
    std::string key = "key";
    std::string value(100, 'v');
    host.put(key, value);
    key.assign(3, 'x');
    value.assign(100, 'x');
  }
  host.disk.complete_all();
  CHECK(host.value("key") == std::string(100, 'v'));
}

TEST_CASE("an empty value is a value") {
  Host host;
  host.serve(1);
  host.disk.slow = true;
  const auto put = host.put("a", "");
  host.disk.complete_all();
  CHECK_FALSE(put->error());
  CHECK(host.value("a").empty());
}

TEST_CASE("what the storage refuses is not applied, and sent to nobody") {
  for (const bool slow : {false, true}) {
    CAPTURE(slow);
    Host host;
    host.serve(1, {{testing::kLearner, 1}});
    host.pieces.clear();
    host.disk.slow = slow;
    host.disk.error = Errc::corrupt;
    const auto get = host.get("a");
    const auto put = host.put("a", "1");
    host.disk.complete_all();
    CHECK(get->error() == Errc::not_applied);
    CHECK(put->error() == Errc::not_applied);
    CHECK(host.pieces.empty());
  }
}

TEST_CASE("a write whose read succeeds and whose change the storage refuses is not applied either") {
  Host host;
  host.serve(1, {{testing::kLearner, 1}});
  host.pieces.clear();
  host.disk.slow = true;
  const auto put = host.put("a", "1");
  host.disk.error = Errc::corrupt;
  host.disk.complete();  // the read, asked for before the disk failed
  host.disk.error = {};
  const auto next = host.get("a");
  host.disk.complete_all();
  CHECK(put->error() == Errc::not_applied);
  CHECK_FALSE(next->error());
  CHECK_FALSE(next->outcome.entry);
  CHECK(host.pieces.empty());
}

TEST_CASE("versions of one key grow in the order of its writes, though other keys complete first") {
  Host host;
  host.serve(1);
  host.disk.slow = true;
  const auto a1 = host.put("a", "1");
  const auto b = host.put("b", "1");
  const auto a2 = host.put("a", "2");
  while (host.disk.waiting() > 0)
    host.disk.complete(host.disk.waiting() - 1);
  CHECK(a1->outcome.result.version < a2->outcome.result.version);
  CHECK(host.replica().last_version() >= b->outcome.result.version);
  CHECK(host.value("a") == "2");
}

TEST_CASE("a scan reads in parts, and completes with its storage") {
  for (const bool slow : {false, true}) {
    CAPTURE(slow);
    Host host;
    host.serve(1);
    host.put("a", "1");
    host.put("b", "2");
    host.disk.slow = slow;
    const auto first = host.scan(0, 1);
    CHECK(first->is_there() == !slow);
    host.disk.complete_all();
    CHECK(first->outcome.chunk.entries.size() == 1);
    const auto second = host.scan(first->outcome.chunk.next, 1024);
    host.disk.complete_all();
    CHECK(second->outcome.chunk.entries.size() == 1);
    CHECK(second->outcome.chunk.next == kScanEnd);
    CHECK(first->calls + second->calls == 2);
  }
}

TEST_CASE("a scan sees every write that was begun before it, and holds those begun after it back") {
  Host host;
  host.serve(1);
  host.disk.slow = true;
  const auto before = host.put("before", "1");
  const auto scan = host.scan();
  const auto after = host.put("after", "1");
  host.disk.complete_all();
  CHECK_FALSE(before->error());
  CHECK_FALSE(after->error());
  REQUIRE(scan->outcome.chunk.entries.size() == 1);
  CHECK(scan->outcome.chunk.entries.front().key == "before");
}

TEST_CASE("a learner gives nothing to a scan") {
  Host primary;
  Host learner;
  primary.serve(1, {{testing::kLearner, 1}});
  primary.put("a", "1");
  testing::deliver(primary, learner);
  REQUIRE(learner.value("a") == "1");
  CHECK(learner.scan()->outcome.chunk.entries.empty());
  CHECK(learner.scan(7)->outcome.chunk.next == kScanEnd);
}

TEST_CASE("a completion that reaches another replica of the partition is passed over") {
  class Late final : public Reentry {
   public:
    void reenter(PartitionId, Step step) override { steps.push_back(std::move(step)); }
    std::vector<Step> steps;
  };
  Late late;
  testing::Disk disk;
  Replica gone(0, std::make_unique<testing::SlowStorage>(disk), late, {});
  Replica next(0, std::make_unique<testing::SlowStorage>(disk), late, {});
  Effects begun;
  gone.serve({.epoch = 1}, begun);
  disk.slow = true;
  GetHandler handler = [](std::error_code, std::optional<Entry>) {};
  gone.get("a", handler, begun);
  disk.complete_all();
  REQUIRE(late.steps.size() == 1);
  Effects effects;
  late.steps.front()(next, effects);
  CHECK(effects.empty());
}

}  // namespace dht::replica
