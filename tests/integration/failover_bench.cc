// How long the map of a cluster of five cannot be changed after its leader was killed.
//
//   DHTD=... failover_bench [KILLS]     default 20
#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/leader_kills.h"

namespace dht::integration {
namespace {

std::size_t kills_wanted = 20;

void report(std::string_view what, std::vector<double> seconds) {
  std::ranges::sort(seconds);
  fmt::print("{}: median {:.2f} s, worst {:.2f} s\n", what, seconds[seconds.size() / 2], seconds.back());
}

TEST_CASE("the leader is killed again and again") {
  LeaderKills kills;
  std::vector<double> leader;
  std::vector<double> change;
  for (std::size_t kill = 0; kill < kills_wanted; ++kill) {
    const Takeover takeover = kills.next();
    leader.push_back(takeover.leader);
    change.push_back(takeover.change);
  }
  fmt::print("{} kills of the leader\n", kills_wanted);
  report("until another leads", leader);
  report("until the join of another node has succeeded", change);
}

}  // namespace
}  // namespace dht::integration

int main(int argc, char** argv) {
  if (argc > 1) dht::integration::kills_wanted = std::strtoull(argv[1], nullptr, 10);
  return doctest::Context().run();
}
