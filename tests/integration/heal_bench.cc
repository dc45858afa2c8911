// How long ten nodes with two copies of ENTRIES entries of 16+100 bytes need, when one is killed, until there are two
// copies of everything again; and that nothing is missing. Then another is killed: what was copied was the data.
//
//   DHTD=... heal_bench [ENTRIES]     default 100000
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/interrupt.h"
#include "support/whole_cluster.h"

namespace dht::integration {
namespace {

constexpr std::size_t kNodes = 10;

std::size_t entries_wanted = 100'000;

Entries sized_entries(std::size_t count) {
  Entries entries;
  for (std::size_t i = 0; i < count; ++i)
    entries.emplace_hint(entries.end(), fmt::format("key-{:012}", i), fmt::format("{:0>100}", i));
  return entries;
}

/// Whether each of them misses `missed` and says that that holds of the partitions.
template <typename Holds>
bool all_say(Nodes& nodes, const std::vector<std::string>& missed, Holds holds) {
  throw_if_interrupted();
  return std::ranges::all_of(nodes, [&](TestNode& node) {
    if (std::ranges::count(missed, node.name()) != 0) return true;
    const ClusterView view = node.view();
    return std::ranges::all_of(missed, [&](const std::string& name) { return view.find(name, "down") != nullptr; }) &&
           holds(view);
  });
}

std::size_t listed_keys(Nodes& nodes, const std::vector<std::string>& missed) {
  std::size_t count = 0;
  for (TestNode& node : nodes)
    if (std::ranges::count(missed, node.name()) == 0) count += node.keys().size();
  return count;
}

void kill_and_heal(Nodes& nodes, std::size_t victim, std::vector<std::string>& missed) {
  missed.push_back(nodes[victim].name());
  const auto start = SteadyClock::now();
  nodes[victim].crash();
  REQUIRE(eventually([&] { return all_say(nodes, missed, [](const ClusterView& view) { return view.unserved == 0; }); },
                     kHealingPatience));
  const double served = seconds_since(start);
  REQUIRE(eventually(
      [&] {
        return all_say(nodes, missed, [](const ClusterView& view) {
          return view.healthy == view.partitions && view.under_replicated == 0 && view.unserved == 0 &&
                 view.moving == 0;
        });
      },
      kHealingPatience));
  fmt::print("{} killed: by the status all was served after {:.2f} s, two copies of all after {:.2f} s\n",
             missed.back(), served, seconds_since(start));
  std::fflush(stdout);
}

TEST_CASE("one of ten is killed, and all that it had has two copies again") {
  const InterruptGuard guard;
  StormNetwork loopback;
  WholeCluster cluster(kNodes, 2, loopback);
  Nodes& nodes = cluster.nodes();
  const Entries entries = sized_entries(entries_wanted);
  put_all(nodes[0], entries);
  REQUIRE_MESSAGE(cluster.await_whole(), cluster.describe());
  fmt::print("{} entries, ten nodes, two copies; {} leads\n", entries.size(), nodes[cluster.leader()].name());
  std::vector<std::string> missed;
  for (const std::size_t victim : {std::size_t{3}, cluster.leader() == 3 ? 4 : cluster.leader()}) {
    kill_and_heal(nodes, victim, missed);
    TestNode& reader = nodes[(victim + 1) % kNodes];
    CHECK(difference(reader, entries) == "");
    CHECK(listed_keys(nodes, missed) == entries.size());
  }
}

}  // namespace
}  // namespace dht::integration

int main(int argc, char** argv) {
  if (argc > 1) dht::integration::entries_wanted = std::strtoull(argv[1], nullptr, 10);
  return doctest::Context().run();
}
