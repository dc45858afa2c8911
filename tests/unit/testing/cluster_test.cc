#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/testing/cluster.h>

namespace {

using namespace std::chrono_literals;
using namespace dht;
using testing::Cluster;
using testing::NewProcess;

std::string read(Cluster& cluster, std::size_t i, std::string_view key) {
  const auto entry = cluster.table(i).get(key);
  return entry ? std::string(entry->value.view()) : "nothing";
}

TEST_CASE("the nodes form one cluster: what is put through one is read through all") {
  Cluster cluster{{.nodes = 3, .seed = 7}};
  CHECK(cluster.size() == 3);
  CHECK(cluster.node(2).peers() == std::vector<std::string>{"node2", "node0", "node1"});
  for (int i = 0; i < 20; ++i)
    cluster.table(0).put("k" + std::to_string(i), std::to_string(i));
  for (std::size_t node = 0; node < 3; ++node) {
    for (int i = 0; i < 20; ++i)
      CHECK(read(cluster, node, "k" + std::to_string(i)) == std::to_string(i));
  }
}

TEST_CASE("an added node stands alone until it joins, and again once it has left") {
  Cluster cluster{{.nodes = 1}};
  cluster.table(0).put("k", "v");
  const std::size_t added = cluster.add_node();
  CHECK(cluster.address(added) == Address{"node1", 9876});
  CHECK(read(cluster, added, "k") == "nothing");
  REQUIRE_FALSE(cluster.join_and_wait(added, 0));
  CHECK(read(cluster, added, "k") == "v");
  REQUIRE_FALSE(cluster.leave_and_wait(0));
  CHECK(cluster.node(0).peers() == std::vector<std::string>{"node0"});
  CHECK(read(cluster, added, "k") == "v");
}

TEST_CASE("a join of nobody who answers is a status, not an exception") {
  Cluster cluster{{.nodes = 1}};
  const auto pending = cluster.join(0, "nobody:1");
  CHECK_FALSE(pending.is_done());
  REQUIRE(cluster.run_until([&] { return pending.is_done(); }));
  CHECK(pending.status().code == Errc::unreachable);
  CHECK_FALSE(pending.status().message.empty());
}

TEST_CASE("the table of a node that does not run answers stopped, and works again after a restart") {
  Cluster cluster{{.nodes = 1}};
  Table& table = cluster.table(0);
  table.put("k", "v");
  SUBCASE("stopped") { cluster.stop(0); }
  SUBCASE("crashed") { cluster.crash(0); }
  SUBCASE("machine crashed") { cluster.crash(0, testing::MemoryNetwork::Crash::machine); }
  CHECK_FALSE(cluster.is_running(0));
  std::error_code error;
  table.get("k", error);
  CHECK(error == Errc::stopped);
  table.put("k", "w", error);
  CHECK(error == Errc::stopped);
  cluster.restart(0);
  CHECK(cluster.is_running(0));
  CHECK_FALSE(table.get("k"));
}

TEST_CASE("every handler is called once when its node ends with the operation under way") {
  Cluster cluster{{.nodes = 2}};
  int calls = 0;
  for (int i = 0; i < 50; ++i) {
    cluster.table(1).put("k" + std::to_string(i), "v", [&](std::error_code, WriteResult) { ++calls; });
  }
  SUBCASE("stopped") { cluster.stop(1); }
  SUBCASE("crashed") { cluster.crash(1); }
  cluster.run_for(1s);
  CHECK(calls == 50);
}

TEST_CASE("a node may be crashed from inside a handler of its own") {
  Cluster cluster{{.nodes = 2}};
  cluster.table(1).put("k", "v", [&](std::error_code, WriteResult) { cluster.crash(1); });
  cluster.run_for(1s);
  CHECK_FALSE(cluster.is_running(1));
}

TEST_CASE("a paused node does nothing, and what it was asked it does when it goes on") {
  Cluster cluster{{.nodes = 2, .node = {.partitions = 64, .replicas = 1}}};
  cluster.table(0).put("k", "old");
  cluster.pause(1);
  CHECK(cluster.is_paused(1));
  CHECK(cluster.is_running(1));
  std::string answers;
  cluster.table(1).put("k", "new", [&](std::error_code error, WriteResult) { answers += error ? "?" : "w"; });
  cluster.table(1).get("k", [&](std::error_code, std::optional<Entry> entry) { answers += entry->value.view(); });
  const auto pending = cluster.leave(1);
  cluster.run_for(200ms);
  CHECK(answers.empty());
  CHECK_FALSE(pending.is_done());
  cluster.resume(1);
  CHECK_FALSE(cluster.is_paused(1));
  REQUIRE(cluster.run_until([&] { return pending.is_done(); }));
  CHECK(answers == "wnew");
  CHECK_FALSE(pending.status());
  CHECK(read(cluster, 0, "k") == "new");
}

TEST_CASE("an operation under way is answered after the pause of its node, and a cancel waits as well") {
  Cluster cluster{{.nodes = 2}};
  std::vector<std::error_code> answers;
  OperationId last = 0;
  for (int i = 0; i < 20; ++i) {
    const auto keep = [&](std::error_code error, WriteResult) { answers.push_back(error); };
    last = cluster.table(1).put("k" + std::to_string(i), "v", keep);
  }
  const std::size_t answered_at_once = answers.size();
  REQUIRE(last != 0);
  cluster.pause(1);
  cluster.table(1).cancel(last);
  cluster.run_for(1s);
  CHECK(answers.size() == answered_at_once);
  cluster.resume(1);
  cluster.run_for(1s);
  CHECK(answers.size() == 20);
}

TEST_CASE("a paused node may end, and what it was asked in its pause fails") {
  Cluster cluster{{.nodes = 2}};
  cluster.pause(1);
  std::vector<std::error_code> answers;
  cluster.table(1).get("k", [&](std::error_code error, std::optional<Entry>) { answers.push_back(error); });
  cluster.table(1).erase("k", [&](std::error_code error, WriteResult) { answers.push_back(error); });
  const auto pending = cluster.leave(1);
  SUBCASE("stopped") { cluster.stop(1); }
  SUBCASE("crashed") { cluster.crash(1); }
  SUBCASE("machine crashed") { cluster.crash(1, testing::MemoryNetwork::Crash::machine); }
  CHECK_FALSE(cluster.is_paused(1));
  cluster.restart(1);
  CHECK_FALSE(cluster.is_paused(1));
  cluster.run_for(1s);
  CHECK(answers == std::vector<std::error_code>{Errc::stopped, Errc::stopped});
  REQUIRE(pending.is_done());
  CHECK(pending.status().code == Errc::stopped);
  CHECK(cluster.node(1).peers() == std::vector<std::string>{"node1"});
}

TEST_CASE("a cluster may end while a node is paused") {
  int calls = 0;
  {
    Cluster cluster{{.nodes = 2}};
    cluster.pause(0);
    cluster.table(0).get("k", [&](std::error_code, std::optional<Entry>) { ++calls; });
  }
  CHECK(calls == 1);
}

TEST_CASE("the wall clock of one node can be set apart") {
  Cluster cluster{{.nodes = 2}};
  cluster.scheduler(1).set_wall_offset(10s);
  CHECK(cluster.scheduler(1).wall_ms() == cluster.scheduler(0).wall_ms() + 10'000);
}

/// What each clock shows in a true second, after node 3 was started anew.
std::set<Duration> seconds_of(Cluster& cluster) {
  cluster.crash(3);
  cluster.restart(3);
  std::set<Duration> seconds;
  for (std::size_t i = 0; i < 4; ++i) {
    const Instant before = cluster.scheduler(i).now();
    cluster.run_for(1s);
    seconds.insert(cluster.scheduler(i).now() - before);
  }
  return seconds;
}

TEST_CASE("each new process draws a rate for its clock") {
  Cluster cluster{{.nodes = 4, .clock_drift_max = 50'000}};
  const std::set<Duration> seconds = seconds_of(cluster);
  CHECK(seconds.size() == 4);
  CHECK(*seconds.begin() >= 950ms);
  CHECK(*seconds.begin() < 1s);
  CHECK(*seconds.rbegin() <= 1050ms);
  CHECK(*seconds.rbegin() > 1s);
}

TEST_CASE("each new process draws an offset for its clock") {
  Cluster cluster{{.nodes = 4, .clock_offset_max = 1h}};
  CHECK(seconds_of(cluster) == std::set<Duration>{1s});
  std::set<Duration> offsets;
  for (std::size_t i = 0; i < 4; ++i)
    offsets.insert(cluster.scheduler(i).now() - cluster.timeline().now());
  CHECK(offsets.size() == 4);
  CHECK(*offsets.begin() >= 0s);
  CHECK(*offsets.rbegin() <= 1h);
}

/// A decorator that counts those that live, and what is done through them.
class CountedStorage final : public Storage {
 public:
  struct Counts {
    int alive = 0;
    int opened = 0;
  };

  CountedStorage(Scheduler& scheduler, Counts& counts)
      : memory_(make_memory_storage(scheduler.random())), counts_(counts) {
    ++counts_.alive;
  }
  ~CountedStorage() override { --counts_.alive; }
  CountedStorage(const CountedStorage&) = delete;
  CountedStorage& operator=(const CountedStorage&) = delete;

  std::unique_ptr<PartitionStorage> open(ClusterId cluster, PartitionId partition) override {
    ++counts_.opened;
    return memory_->open(cluster, partition);
  }

 private:
  std::unique_ptr<Storage> memory_;
  Counts& counts_;
};

TEST_CASE("a hook may change each new process: its options, and its parts by decorators of the same life") {
  std::vector<std::size_t> shown;
  CountedStorage::Counts counts;
  const auto hook = [&](const NewProcess& process) -> std::shared_ptr<void> {
    shown.push_back(process.node);
    process.options.name = "renamed" + std::to_string(process.node);
    auto storage = std::make_shared<CountedStorage>(process.scheduler, counts);
    process.parts.storage = storage.get();
    return storage;
  };
  Cluster cluster{{.nodes = 2, .on_new_process = hook}};
  CHECK(cluster.node(1).name() == "renamed1");
  CHECK(counts.alive == 2);
  CHECK(counts.opened > 0);
  cluster.crash(1);
  cluster.restart(1);
  cluster.run_for(1s);
  CHECK(counts.alive == 2);
  CHECK(shown == std::vector<std::size_t>{0, 1, 1});
  cluster.stop(0);
  CHECK(counts.alive == 1);
}

TEST_CASE("from one seed a cluster always does the same") {
  const auto play = [](std::uint64_t seed) {
    Cluster cluster{{.nodes = 3, .seed = seed}};
    const Version version = cluster.table(1).put("k", "v").version;
    return std::pair(cluster.timeline().now(), version);
  };
  CHECK(play(1) == play(1));
  CHECK(play(1) != play(2));
}

TEST_CASE("the order in which nodes keep their entries, and so send them, comes from the seed as well") {
  const auto keys = [](std::uint64_t seed) {
    Cluster cluster{{.nodes = 1, .seed = seed, .node = {.partitions = 1}}};
    for (int i = 0; i < 50; ++i)
      cluster.table(0).put("k" + std::to_string(i), "v");
    std::vector<std::string> listed;
    cluster.node(0).list_keys({}, 1 << 20, [&](std::error_code, KeyPage page) { listed = std::move(page.keys); });
    cluster.run_for(1s);
    return listed;
  };
  CHECK(keys(1).size() == 50);
  CHECK(keys(1) == keys(1));
  CHECK(keys(1) != keys(2));
}

}  // namespace
