// A rolling restart, as it is written down for people who run a cluster: no client sees more than a closed connection.
#include <csignal>
#include <list>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/durable_cluster.h"
#include "support/print.h"
#include "support/roaming_client.h"

namespace dht::integration {
namespace {

/// The procedure for one node.
void restart_when_safe(TestNode& node) {
  std::string answer;
  const bool is_safe = eventually(
      [&] {
        const Response response = node.new_client().get("/dht/safe-to-stop");
        answer = response.body;
        return response.status == 200;
      },
      kComebackPatience);
  REQUIRE_MESSAGE(is_safe, node.name(), " is not safe to stop: ", answer);
  const auto start = SteadyClock::now();
  REQUIRE(node.terminate(kComebackPatience) == 0);
  const double stopped = seconds_since(start);
  node.restart();
  REQUIRE(eventually([&] { return node.is_ready(); }));
  fmt::print("{} stopped in {:.2f} s, ready {:.2f} s later\n", node.name(), stopped, seconds_since(start) - stopped);
}

TEST_CASE("a rolling restart under load fails no request, and the members stay who they are") {
  DurableCluster cluster({.nodes = 3});
  const std::vector<std::string> ids = cluster.ids();
  std::list<RoamingClient> clients;
  for (int number = 0; number < 3; ++number)
    clients.emplace_back(number, cluster.endpoints());
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    CAPTURE(i);
    for (const RoamingClient& client : clients) {
      const auto enough = client.operations() + 100;
      CHECK(eventually([&] { return client.operations() >= enough; }));
    }
    restart_when_safe(cluster[i]);
  }
  Entries expected;
  std::uint64_t operations = 0;
  std::uint64_t moved_on = 0;
  for (RoamingClient& client : clients) {
    CHECK(client.stop() == "");
    expected.insert(client.expected().begin(), client.expected().end());
    operations += client.operations();
    moved_on += client.moved_on();
  }
  fmt::print("{} requests, {} times another node was asked\n", operations, moved_on);
  cluster.await_whole();
  CHECK(cluster.ids() == ids);
  CHECK(cluster[0].view().members.size() == cluster.size());
  for (std::size_t i = 0; i < cluster.size(); ++i)
    CHECK(difference(cluster[i], expected) == "");
}

TEST_CASE("members that are all told to stop at once end in order, and are the cluster again with what they had") {
  DurableCluster cluster({.nodes = 3});
  const Entries entries = make_entries("key", 500);
  put_all(cluster[0], entries);
  for (TestNode& node : cluster.nodes()) {
    node.expect_end();
    node.process().signal(SIGTERM);
  }
  for (TestNode& node : cluster.nodes())
    CHECK(node.process().wait(kPatience) == 0);
  std::mt19937_64 random(1);
  cluster.restart_all(random);
  cluster.await_whole();
  for (std::size_t i = 0; i < cluster.size(); ++i)
    CHECK(difference(cluster[i], entries) == "");
}

}  // namespace
}  // namespace dht::integration
