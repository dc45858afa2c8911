#include <cstddef>
#include <optional>
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

TEST_CASE("the wall clock of one node can be set apart") {
  Cluster cluster{{.nodes = 2}};
  cluster.scheduler(1).set_wall_offset(10s);
  CHECK(cluster.scheduler(1).wall_ms() == cluster.scheduler(0).wall_ms() + 10'000);
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

}  // namespace
