// A cluster whose nodes keep what they have in a directory each, so that they can be ended and started again.
//
// Thread rule: the main thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../../temp_directory.h"
#include "support/test_node.h"

namespace dht::integration {

/// How long a cluster may take until it is whole again, on a slow machine under a sanitizer.
inline constexpr std::chrono::seconds kComebackPatience{90};

struct DurableSetup {
  std::size_t nodes = 3;
  std::vector<std::string> arguments = {};
  /// Changes what one of them is started with.
  std::function<void(std::size_t node, NodeSetup& setup)> adjust = {};
};

class DurableCluster {
 public:
  /// Nodes n0, n1... that are members of one cluster, with short leases.
  explicit DurableCluster(DurableSetup setup);

  std::size_t size() const { return nodes_.size(); }
  Nodes& nodes() { return nodes_; }
  /// With a connection that is begun anew: what was open before an end of the process is of no use.
  TestNode& operator[](std::size_t node);
  std::vector<Endpoint> endpoints() const;
  std::filesystem::path directory(std::size_t node) const;
  /// What a node is started with, but for its port.
  NodeSetup setup_of(std::size_t node) const;

  /// SIGKILL to all of them before the first one's end is waited for.
  void crash_all();
  /// Starts all that were ended, in an order of chance.
  void restart_all(std::mt19937_64& random);
  /// Waits until all say that all are there, have all copies, and nothing moves. Fails the running test where that does
  /// not come, with what each says.
  void await_whole();
  /// The same, but copies may be on the move to other members.
  void await_all_copies();
  /// The members' ids, by the nodes' numbers: each as it gives its own.
  std::vector<std::string> ids();

 private:
  using Judge = std::function<bool(const ClusterView&)>;
  void await(std::string_view what, const Judge& holds);
  bool all_say(const Judge& holds);
  std::string describe();

  const DurableSetup setup_;
  const testing::TempDirectory folder_;
  Nodes nodes_;
};

}  // namespace dht::integration
