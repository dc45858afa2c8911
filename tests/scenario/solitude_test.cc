// Nodes on their way into a cluster of their own, when somebody wants something else of them (design.md 4 and 5).

#include <chrono>
#include <cstddef>

#include <doctest/doctest.h>

#include <dht/testing/cluster.h>

#include "support/cluster_checks.h"

namespace {

using namespace std::chrono_literals;
using dht::testing::Cluster;
using dht::testing::PendingStatus;
using scenario::is_down;
using scenario::trouble;

/// Runs until both are done; the join, which was begun while the other went on, succeeds as well.
void check_joined(Cluster& cluster, const PendingStatus& joined, std::size_t joiner, std::size_t host) {
  REQUIRE(cluster.run_until([&] { return joined.is_done(); }, 1min));
  CHECK_FALSE(joined.status());
  REQUIRE(cluster.run_until([&] { return trouble(cluster, {joiner, host}).empty(); }, 10s));
}

}  // namespace

TEST_CASE("a survivor that is being recovered by force joins another cluster when that is done, and not before") {
  for (int delay = 0; delay < 120; delay += 10) {
    CAPTURE(delay);
    Cluster cluster{{.nodes = 3, .storage_delay = 2ms}};
    const std::size_t host = cluster.add_node();
    scenario::fill(cluster, 2, "k", 100);
    cluster.crash(0);
    cluster.crash(1);
    cluster.run_for(2s);
    const PendingStatus recovered = cluster.recover(2);
    cluster.run_for(std::chrono::milliseconds(delay));
    const PendingStatus joined = cluster.join(2, host);
    check_joined(cluster, joined, 2, host);
    REQUIRE(recovered.is_done());
    CHECK_FALSE(recovered.status());
  }
}

TEST_CASE("a member that finds itself forgotten joins again when it stands alone, and not before") {
  for (int delay = 0; delay < 300; delay += 10) {
    CAPTURE(delay);
    Cluster cluster{{.nodes = 2, .storage_delay = 2ms}};
    scenario::fill(cluster, 1, "k", 100);
    cluster.pause(1);
    REQUIRE(cluster.run_until([&] { return is_down(cluster, 0, 1); }, 4s));
    const PendingStatus forgotten = cluster.forget(0, "node1");
    REQUIRE(cluster.run_until([&] { return forgotten.is_done(); }, 4s));
    cluster.resume(1);
    cluster.run_for(std::chrono::milliseconds(delay));
    const PendingStatus joined = cluster.join(1, 0);
    check_joined(cluster, joined, 1, 0);
  }
}
