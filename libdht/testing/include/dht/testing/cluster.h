// Cluster: a whole cluster inside one test, on virtual time. The nodes are real ones; only the clock and the network
// are not. From one seed it always does the same.
//
//   dht::testing::Cluster cluster{{.nodes = 3, .seed = 7}};
//   SessionStore store{cluster.table(0)};
//   ...
//   cluster.crash(1);
//   cluster.run_for(3s);
//
// Time stands still between the calls below: nodes send and answer only while one of them runs it, or a blocking call
// on a node's table waits.
//
// Thread rule: one thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include <dht/node.h>
#include <dht/testing/manual_scheduler.h>
#include <dht/testing/memory_network.h>
#include <dht/testing/simulated_disk.h>
#include <dht/testing/timeline.h>

namespace dht::testing {

/// A process that is about to start its node.
struct NewProcess {
  std::size_t node;  ///< its number
  ManualScheduler& scheduler;
  NodeOptions& options;
  NodeParts& parts;           ///< scheduler, transport and storage; what is null the node makes itself
  const SimulatedDisk* disk;  ///< that the storage is on; null where it is none
};

/// Shown each new process, to change it or to decorate its parts. What it returns lives as long as those parts and a
/// little less: it goes after the node and before them.
using ProcessHook = Function<std::shared_ptr<void>(const NewProcess&)>;

struct ClusterOptions {
  std::size_t nodes = 3;
  std::uint64_t seed = 1;
  /// For every node; each gets a name and an address of its own. Few partitions make tests quick.
  NodeOptions node{.partitions = 64};
  MemoryNetworkOptions network{};
  /// Where one of them is not zero, the nodes' storage is a LateStorage whose calls take between the two; twice the
  /// first where only that is given.
  Duration storage_delay{0};
  Duration storage_delay_max{0};
  /// Nodes keep what they have on a disk, which a restarted one finds again; the two above then say how long its calls
  /// take, and these how long its syncs.
  bool durable = false;
  Duration sync_delay{0};
  Duration sync_delay_max{0};
  /// Each new process draws its clock from the seed: ahead of true time by up to so much, gaining or losing up to so
  /// many millionths.
  Duration clock_offset_max{0};
  std::int64_t clock_drift_max = 0;
  ProcessHook on_new_process{};
};

/// A join or leave that has been started. Copies speak of the same one.
class PendingStatus {
 public:
  explicit PendingStatus(std::shared_ptr<const std::optional<Status>> status) noexcept : status_(std::move(status)) {}

  bool is_done() const noexcept { return status_->has_value(); }
  /// Only where it is done.
  const Status& status() const { return status_->value(); }

 private:
  std::shared_ptr<const std::optional<Status>> status_;  ///< shared with the handler
};

class Cluster {
 public:
  /// Founds the cluster with node 0 and lets the others join it, one after the other. Throws std::system_error where a
  /// join fails.
  explicit Cluster(ClusterOptions options = {});
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Nodes are numbered from 0 in the order in which they were added, and keep their number when they end.

  std::size_t size() const noexcept { return members_.size(); }
  bool is_running(std::size_t i) const;
  bool is_paused(std::size_t i) const;
  /// The node's table, for as long as the cluster lives: its blocking calls run virtual time, and fail with `stopped`
  /// while the node does not run.
  Table& table(std::size_t i);
  /// Only while it runs; ends with it.
  Node& node(std::size_t i);
  /// Where the network reaches the node, running or not.
  const Address& address(std::size_t i) const;
  /// The node's clocks, to be set apart. Only while it runs; ends with it.
  ManualScheduler& scheduler(std::size_t i);

  /// Adds a node that stands alone. Its name and address are filled in where `options` has none.
  std::size_t add_node();
  std::size_t add_node(NodeOptions options);

  /// Starts a join of node `i` to the cluster of node `host`, or of the first of `peers` that answers.
  PendingStatus join(std::size_t i, std::size_t host);
  PendingStatus join(std::size_t i, std::string_view peers, JoinGoal goal = JoinGoal::one_peer);
  PendingStatus leave(std::size_t i);
  PendingStatus leave_for_good(std::size_t i);
  PendingStatus step_aside(std::size_t i);
  /// Node `i` is told that the member called `name`, which is down, is given up.
  PendingStatus forget(std::size_t i, std::string_view name);
  PendingStatus recover(std::size_t i);
  /// The first two, running until it is done; fails the test's process where that takes more than an hour.
  Status join_and_wait(std::size_t i, std::size_t host);
  Status leave_and_wait(std::size_t i);

  // A paused process may also be stopped, or crash.

  /// Holds the node's process as SIGSTOP does: nothing of it runs until `resume`, while its clocks go on and what it is
  /// sent waits (see MemoryNetwork::pause). Calls on its table, joins and leaves are taken when it goes on, and cannot
  /// be cancelled before; a blocking one needs a task that resumes it.
  void pause(std::size_t i);
  void resume(std::size_t i);
  /// Ends the node's process in order, but without leaving; its peers see its connections end.
  void stop(std::size_t i);
  /// Ends the node's process in mid-sentence; of its disk stays what was synced, and perhaps more. What was under way
  /// on its table fails with `stopped` as soon as time runs.
  void crash(std::size_t i, MemoryNetwork::Crash kind = MemoryNetwork::Crash::process);
  /// A new process at the address and under the name of one that ended. What it remembers is on its disk; without one
  /// it stands alone.
  void restart(std::size_t i);
  /// The same, at another address.
  void restart_at(std::size_t i, const Address& address);
  /// The disk of a place in a cluster of durable nodes. It stays when processes come and go.
  SimulatedDisk& disk(std::size_t i);

  // What Timeline says of the same names.

  void run_for(Duration duration) { timeline_.run_for(duration); }
  bool run_until(Function<bool()> predicate, Duration limit = std::chrono::hours{1}) {
    return timeline_.run_until(std::move(predicate), limit);
  }

  MemoryNetwork& network() noexcept { return network_; }
  Timeline& timeline() noexcept { return timeline_; }

 private:
  class Member;
  class Process;

  Member& member(std::size_t i) const;
  void launch(std::size_t i);
  PendingStatus begin(std::size_t i, Function<void(Node&, StatusHandler)> start);
  Status wait_for(const PendingStatus& pending);

  ClusterOptions options_;
  Timeline timeline_;
  MemoryNetwork network_;
  std::mt19937_64 seeds_;
  std::vector<std::unique_ptr<Member>> members_;
  /// Crashed, and to be destroyed from outside of their own tasks.
  std::deque<std::unique_ptr<Process>> crashed_;
  ManualScheduler undertaker_;
};

}  // namespace dht::testing
