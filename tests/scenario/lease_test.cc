// Leases over a node's whole life: through joins that take long, and from one cluster to the next (design.md 6).

#include <chrono>
#include <cstddef>

#include <doctest/doctest.h>

#include <dht/testing/cluster.h>

#include "support/cluster_checks.h"

namespace {

using namespace std::chrono_literals;
using dht::NodeState;
using dht::testing::Cluster;
using scenario::trouble;

/// Whether all nodes hold their leases, and count as active, for the whole `duration`.
bool stay_ready(Cluster& cluster, dht::Duration duration) {
  return !cluster.run_until(
      [&] {
        for (std::size_t i = 0; i < cluster.size(); ++i) {
          const dht::NodeStatus status = cluster.node(i).status();
          if (!status.ready) return true;
          for (const auto& member : status.members) {
            if (member.state != NodeState::active) return true;
          }
        }
        return false;
      },
      duration);
}

}  // namespace

TEST_CASE("a join that takes many leases ends with a member that is heard as well as any other") {
  Cluster cluster{{.nodes = 2, .node = {.partitions = 64, .replicas = 1, .lease = 100ms}, .storage_delay = 100ms}};
  const std::size_t joiner = cluster.add_node();
  scenario::fill(cluster, joiner, "k", 100);
  const auto began = cluster.timeline().now();
  REQUIRE_FALSE(cluster.join_and_wait(joiner, 0));
  CHECK(cluster.timeline().now() - began > 3s);
  CHECK(stay_ready(cluster, 5s));
  CHECK(trouble(cluster, {0, 1, 2}) == "");
}

TEST_CASE("a member that leaves after a long time and comes back at once is heard as well as any other") {
  Cluster cluster{{.nodes = 3, .node = {.partitions = 64, .lease = 100ms}}};
  cluster.run_for(60s);
  REQUIRE_FALSE(cluster.leave_and_wait(2));
  REQUIRE_FALSE(cluster.join_and_wait(2, 0));
  CHECK(stay_ready(cluster, 5s));
  CHECK(trouble(cluster, {0, 1, 2}) == "");
}
