// Nodes that keep what they have on disk: what comes back after the end of a process, and after that of all of them.
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/durable_cluster.h"
#include "support/fake_peers.h"
#include "support/print.h"

namespace dht::integration {
namespace {

/// Three nodes that reach each other through proxies only, which count what they carry.
struct CountedThree {
  CountedThree() {
    for (std::size_t i = 0; i < proxies.size(); ++i) {
      ports[i] = free_port();
      proxies[i].set_target({"127.0.0.1", ports[i]});
    }
  }
  /// An upper bound of what the node was sent: by the others over connections that they made, and as answers over those
  /// that it made; the answers that the other two gave each other count, too.
  std::uint64_t sent_to(std::size_t node) const {
    std::uint64_t sum = proxies[node].sent();
    for (std::size_t i = 0; i < proxies.size(); ++i)
      if (i != node) sum += proxies[i].returned();
    return sum;
  }
  std::uint64_t sent_in_all() const {
    std::uint64_t sum = 0;
    for (const RecordingProxy& proxy : proxies)
      sum += proxy.sent() + proxy.returned();
    return sum;
  }
  DurableSetup setup(std::vector<std::string> arguments) {
    return {.nodes = 3, .arguments = std::move(arguments), .adjust = [this](std::size_t node, NodeSetup& setup) {
              setup.port = ports[node];
              setup.arguments.insert(setup.arguments.end(), {"--advertise", to_string(proxies[node].endpoint())});
            }};
  }

  std::array<std::uint16_t, 3> ports = {};
  std::array<RecordingProxy, 3> proxies;
};

Entries large_entries(std::size_t count, std::size_t value_bytes) {
  Entries entries = make_entries("key", count);
  for (auto& [key, value] : entries)
    value.resize(value_bytes, '.');
  return entries;
}

TEST_CASE("a node that is killed is the same member again, and has everything that was acknowledged") {
  DurableCluster alone({.nodes = 1});
  const Entries entries = make_entries("key", 2000);
  put_all(alone[0], entries);
  alone[0].erase("key7");
  const std::string id = alone[0].view().id;
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    alone[0].crash();
    const auto start = SteadyClock::now();
    alone[0].restart();
    REQUIRE(eventually([&] { return alone[0].is_ready(); }));
    fmt::print("ready {:.0f} ms after its start\n", seconds_since(start) * 1000);
    CHECK(alone[0].view().id == id);
    Entries left = entries;
    left.erase("key7");
    CHECK(difference(alone[0], left) == "");
    CHECK(alone[0].get("key7") == "");
    CHECK(listing_difference(alone.nodes(), left) == "");
  }
}

TEST_CASE("all nodes come back at other addresses, told of each other, as the cluster that they were") {
  DurableCluster cluster({.nodes = 4});
  const Entries entries = make_entries("key", 1000);
  put_all(cluster[0], entries);
  const std::vector<std::string> ids = cluster.ids();
  const std::vector<Endpoint> before = cluster.endpoints();
  cluster.crash_all();
  std::string list;
  std::vector<NodeSetup> setups;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    setups.push_back(cluster.setup_of(i));
    setups.back().port = free_port();
    list += fmt::format("127.0.0.1:{},", setups.back().port);
  }
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    setups[i].arguments.insert(setups[i].arguments.end(), {"--join", list});
    cluster.nodes()[i].start_as(setups[i]);
  }
  for (TestNode& node : cluster.nodes())
    node.await_listening();
  cluster.await_whole();
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    CHECK(cluster[i].endpoint().port != before[i].port);
    CHECK(difference(cluster[i], entries) == "");
  }
  CHECK(cluster.ids() == ids);
  CHECK(all_list_all(cluster.nodes()));
  // A key that moves between two listings is in both, or in neither.
  CHECK(eventually([&] { return listing_difference(cluster.nodes(), entries) == ""; }));
}

TEST_CASE("a node that comes back is sent what was changed meanwhile, not what it has") {
  constexpr std::size_t kValueBytes = 1000;
  CountedThree network;
  DurableCluster cluster(network.setup({"--partitions", "128"}));
  Entries entries = large_entries(5000, kValueBytes);
  put_all(cluster[0], entries);
  const ClusterView before = cluster[0].view();
  const MemberView* const last = before.find("n2", "active");
  REQUIRE(last != nullptr);
  const std::uint64_t share = entries.size() * kValueBytes * (last->primary + last->backup) / before.partitions;
  // All that it has was put through another node, and so came through its proxy.
  REQUIRE(network.sent_to(2) > share * 9 / 10);

  cluster[2].crash();
  REQUIRE(eventually([&] { return cluster[0].view().find("n2", "down") != nullptr; }));
  for (std::size_t i = 0; i < 50; ++i) {
    const std::string key = fmt::format("key{}", i * 97);
    entries[key] = std::string(kValueBytes, 'n');
    cluster.nodes()[i % 2].put(key, entries[key]);
  }
  const std::uint64_t before_it = network.sent_to(2);
  const std::uint64_t before_all = network.sent_in_all();
  cluster[2].restart();
  cluster.await_whole();
  const std::uint64_t sent = network.sent_to(2) - before_it;
  fmt::print("coming back to a share of {} bytes it was sent {} bytes; all nodes sent {}\n", share, sent,
             network.sent_in_all() - before_all);
  CHECK(sent < share / 5);
  for (std::size_t i = 0; i < cluster.size(); ++i)
    CHECK(difference(cluster[i], entries) == "");
}

}  // namespace
}  // namespace dht::integration
