// Joins and leaves in any order under clients that never see an error or a wrong answer.

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/cluster.h>

#include "support/cluster_checks.h"
#include "support/workload.h"

namespace {

using namespace std::chrono_literals;
using dht::testing::Cluster;
using scenario::check_quiet;
using scenario::Workload;

TEST_CASE("random joins and leaves under continuous clients: no error, no wrong answer, an even spread") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    Cluster cluster{{.nodes = 3, .seed = seed}};
    std::vector<std::size_t> members{0, 1, 2};
    std::vector<std::size_t> outside;
    Workload workload(cluster, members, {.clients = 6, .seed = seed});
    workload.begin();
    for (int round = 0; round < 12; ++round) {
      cluster.run_for(std::chrono::milliseconds(random() % 50));
      const bool join = members.size() < 2 || (members.size() < 6 && random() % 2 == 0);
      if (join) {
        std::size_t joiner = 0;
        if (!outside.empty() && random() % 2 == 0) {
          joiner = outside.back();
          outside.pop_back();
        } else {
          joiner = cluster.add_node();
        }
        const dht::Status status = cluster.join_and_wait(joiner, members[random() % members.size()]);
        REQUIRE_MESSAGE(!status, status.message);
        members.push_back(joiner);
        workload.use(members);
      } else {
        const std::size_t at = random() % members.size();
        const std::size_t leaver = members[at];
        members.erase(members.begin() + static_cast<std::ptrdiff_t>(at));
        workload.use(members);
        const dht::Status status = cluster.leave_and_wait(leaver);
        REQUIRE_MESSAGE(!status, status.message);
        outside.push_back(leaver);
      }
      CHECK(scenario::trouble(cluster, members) == "");
    }
    workload.finish();
    workload.check_everything(members);
    check_quiet(workload);
  }
}

}  // namespace
