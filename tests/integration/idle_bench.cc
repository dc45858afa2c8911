// How much processor time five nodes of one cluster take that nobody asks anything.
//
//   DHTD=... idle_bench [SECONDS]     default 25
#include <cstdlib>
#include <thread>
#include <vector>

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/test_node.h"

namespace dht::integration {
namespace {

double seconds_wanted = 25;

TEST_CASE("five idle nodes") {
  Nodes nodes = start_cluster(5);
  REQUIRE(eventually([&] { return all_settled(nodes) && nodes[0].view().voters.size() == 5; }));
  const std::string leader = nodes[0].view().leader;
  for (TestNode& node : nodes)
    node.http().disconnect();
  std::vector<double> before;
  for (const TestNode& node : nodes)
    before.push_back(node.process().cpu_seconds());
  const auto start = SteadyClock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds_wanted));
  const double seconds = seconds_since(start);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const double taken = nodes[i].process().cpu_seconds() - before[i];
    fmt::print("{}: {:.2f} % of a core{}\n", nodes[i].name(), 100 * taken / seconds,
               nodes[i].name() == leader ? ", the leader" : "");
  }
}

}  // namespace
}  // namespace dht::integration

int main(int argc, char** argv) {
  if (argc > 1) dht::integration::seconds_wanted = std::strtod(argv[1], nullptr);
  return doctest::Context().run();
}
