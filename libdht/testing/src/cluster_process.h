// Cluster::Process: one incarnation of a node, with the parts that it is made of and the calls that wait while it is
// paused.
//
// Thread rule: that of the cluster.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include <dht/function.h>
#include <dht/node.h>
#include <dht/testing/cluster.h>

namespace dht::testing {

class Cluster::Process {
 public:
  /// Null where the process has ended before it took the call.
  using Call = Function<void(Node*)>;

  /// `disk` is null in a cluster whose nodes remember nothing.
  Process(Cluster& cluster, std::uint64_t seed, const Address& address, SimulatedDisk* disk);
  /// Calls that still wait fail.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Makes node `number`.
  void start(std::size_t number, NodeOptions options, ProcessHook& hook);

  ManualScheduler& scheduler() noexcept { return scheduler_; }
  Node& node() noexcept { return *node_; }
  bool is_paused() const { return scheduler_.is_paused(); }
  /// Takes the call at once, or when it goes on.
  void call(Call call);
  void resume();

 private:
  void take_waiting();

  ManualScheduler scheduler_;
  std::unique_ptr<Transport> transport_;
  SimulatedDisk* const disk_;
  std::unique_ptr<Storage> storage_;
  std::shared_ptr<void> decorators_;  ///< the hook's
  std::unique_ptr<Node> node_;        ///< goes first
  std::deque<Call> waiting_;
};

}  // namespace dht::testing
