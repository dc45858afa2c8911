// How long a fourth node's join takes when three hold ENTRIES entries of 16+100
// bytes, how much memory the processes take meanwhile, and that no client
// request fails or waits long.
//
//   DHTD=... move_bench [ENTRIES]     default 300000
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/checked_client.h"
#include "support/test_node.h"

namespace dht::integration {
namespace {

std::size_t entries_wanted = 300'000;

Entries sized_entries(std::size_t count) {
  Entries entries;
  for (std::size_t i = 0; i < count; ++i)
    entries.emplace_hint(entries.end(), fmt::format("key-{:012}", i), fmt::format("{:0>100}", i));
  return entries;
}

TEST_CASE("a fourth node joins three that are full, and no client request fails meanwhile") {
  const Entries entries = sized_entries(entries_wanted);
  Nodes nodes = start_cluster(3);
  put_all(nodes[0], entries);
  ServingNodes in_service({nodes[0].endpoint(), nodes[1].endpoint(), nodes[2].endpoint()});
  std::vector<std::unique_ptr<CheckedClient>> clients;
  for (int i = 0; i < 2; ++i)
    clients.push_back(std::make_unique<CheckedClient>(i, in_service));

  nodes.emplace_back(NodeSetup{.name = "n3"});
  std::size_t loaded = 0;
  for (TestNode& node : nodes)
    loaded = std::max(loaded, node.process().peak_memory_bytes());
  const auto start = SteadyClock::now();
  nodes[3].join(nodes[0]);
  const double seconds = seconds_since(start);

  double slowest = 0;
  Entries expected = entries;
  for (const auto& client : clients) {
    CHECK(client->stop() == "");
    slowest = std::max(slowest, client->slowest());
    expected.insert(client->expected().begin(), client->expected().end());
  }
  fmt::print("{} entries: the join took {:.2f} s; slowest client request {:.3f} s\n", entries.size(), seconds, slowest);
  fmt::print("largest process before the join: {} MiB\n", loaded >> 20);
  for (TestNode& node : nodes)
    fmt::print("  {}: {} keys, peak memory {} MiB\n", node.name(), node.keys().size(),
               node.process().peak_memory_bytes() >> 20);
  CHECK(difference(nodes[3], expected) == "");
  CHECK(listing_difference(nodes, expected) == "");
}

}  // namespace
}  // namespace dht::integration

int main(int argc, char** argv) {
  if (argc > 1) dht::integration::entries_wanted = std::strtoull(argv[1], nullptr, 10);
  return doctest::Context().run();
}
