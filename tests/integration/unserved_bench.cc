// How long the keys of a node that is killed are without service: five nodes, two copies, a lease of one second.
//
//   DHTD=... unserved_bench [KILLS] [N]     default 50 kills, every third of them (N) of the leader
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/interrupt.h"
#include "support/poller.h"
#include "support/storm_faults.h"
#include "support/whole_cluster.h"

namespace dht::integration {
namespace {

constexpr std::size_t kNodes = 5;
constexpr std::size_t kKeys = 2000;
constexpr std::size_t kPolledKeys = 12;

std::size_t kills_wanted = 50;
std::size_t leader_every = 3;

using Pollers = std::vector<std::unique_ptr<Poller>>;

/// Seconds from a kill until the last of the polled keys was served again, and each by itself.
struct Gaps {
  std::vector<double> until_all_got;
  std::vector<double> until_all_put;
  std::vector<double> single;
};

Pollers poll_keys_of(WholeCluster& cluster, std::size_t victim, std::mt19937_64& random) {
  std::vector<std::string> keys = cluster[victim].keys();
  std::ranges::shuffle(keys, random);
  keys.resize(std::min(keys.size(), kPolledKeys));
  Pollers pollers;
  for (const std::string& key : keys)
    for (const Poller::Kind kind : {Poller::Kind::get, Poller::Kind::put}) {
      const std::size_t survivor = (victim + 1 + random() % (kNodes - 1)) % kNodes;
      pollers.push_back(std::make_unique<Poller>(kind, cluster[survivor].endpoint(), key));
    }
  return pollers;
}

bool all(const Pollers& pollers, bool (*holds)(const Poller&)) {
  throw_if_interrupted();
  return std::ranges::all_of(pollers, [holds](const auto& poller) { return holds(*poller); });
}

void measure(WholeCluster& cluster, std::size_t victim, std::mt19937_64& random, Gaps& gaps) {
  const Pollers pollers = poll_keys_of(cluster, victim, random);
  REQUIRE(eventually([&] { return all(pollers, [](const Poller& poller) { return poller.successes() > 5; }); }));
  for (const auto& poller : pollers)
    poller->begin();
  cluster[victim].crash();
  REQUIRE(eventually([&] { return all(pollers, [](const Poller& poller) { return poller.seconds().has_value(); }); }));
  double slowest[2] = {0, 0};
  for (std::size_t i = 0; i < pollers.size(); ++i) {
    slowest[i % 2] = std::max(slowest[i % 2], *pollers[i]->seconds());
    gaps.single.push_back(*pollers[i]->seconds());
  }
  gaps.until_all_got.push_back(slowest[0]);
  gaps.until_all_put.push_back(slowest[1]);
}

void report(std::string_view what, std::vector<double> seconds) {
  if (seconds.empty()) return;
  std::ranges::sort(seconds);
  fmt::print("  {}: median {:.2f} s, worst {:.2f} s\n", what, seconds[seconds.size() / 2], seconds.back());
}

void report(std::string_view who, const Gaps& gaps) {
  fmt::print("{} kills of {}, from the kill until {} keys of it were served again\n", gaps.until_all_got.size(), who,
             kPolledKeys);
  report("all of them read", gaps.until_all_got);
  report("all of them written", gaps.until_all_put);
  report("one key, read or written", gaps.single);
}

TEST_CASE("nodes are killed again and again, and their keys are served by others") {
  const InterruptGuard guard;
  StormNetwork loopback;
  WholeCluster cluster(kNodes, 2, loopback);
  put_all(cluster[0], make_entries("key", kKeys));
  std::mt19937_64 random(1);
  Gaps of_leader;
  Gaps of_others;
  std::size_t forgotten = 0;
  for (std::size_t kill = 0; kill < kills_wanted; ++kill) {
    REQUIRE_MESSAGE(cluster.await_whole(300ms), cluster.describe());
    forgotten += cluster.forget_former();
    const std::size_t leader = cluster.leader();
    const std::size_t victim = kill % leader_every == 0 ? leader : (leader + 1 + random() % (kNodes - 1)) % kNodes;
    Gaps& gaps = victim == leader ? of_leader : of_others;
    measure(cluster, victim, random, gaps);
    fmt::print("{} kill {} of n{}{}: all got after {:.2f} s, all put after {:.2f} s\n", time_of_day(), kill + 1, victim,
               victim == leader ? " (leads)" : "", gaps.until_all_got.back(), gaps.until_all_put.back());
    std::fflush(stdout);
    cluster.restart(victim);
    cluster.join(victim, (victim + 1) % kNodes);
  }
  report("the leader", of_leader);
  report("others", of_others);
  fmt::print("former incarnations, forgotten when all was whole: {}\n", forgotten);
  std::vector<std::string> names;
  for (const auto& [key, value] : make_entries("key", kKeys))
    names.push_back(key);
  CHECK(std::ranges::none_of(get_all(cluster[0], names), [](const std::string& value) { return value.empty(); }));
}

}  // namespace
}  // namespace dht::integration

int main(int argc, char** argv) {
  if (argc > 1) dht::integration::kills_wanted = std::strtoull(argv[1], nullptr, 10);
  if (argc > 2) dht::integration::leader_every = std::max<std::size_t>(1, std::strtoull(argv[2], nullptr, 10));
  return doctest::Context().run();
}
