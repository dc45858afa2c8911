// Lifecycle: how nodes come and go, and what goes with that: entries that they bring, clients that use them.
//
// Thread rule: that of the timeline; none of it is called from inside a node's handlers.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

#include "agenda.h"
#include "luggage.h"
#include "trace.h"
#include "workload.h"

namespace dht::testing::simulation {

class Lifecycle {
 public:
  Lifecycle(Desk& desk, Workload& workload, const Shelves& shelves, const Trace& trace, const Setting& setting,
            std::uint64_t seed);

  /// A new node, alone: the first process of its place.
  std::size_t add();
  /// Of one that is alone, to a member. Its client stops for a moment before, so that nothing of an earlier attempt is
  /// under way.
  void join(std::size_t place, std::size_t host);
  /// Whether a node is on its way to this one and the home cluster does not know of it yet. If the host left now, its
  /// guest would find it in a cluster of its own, join that, and be in the way of every later join to the home cluster.
  bool is_hosting(std::size_t place);
  /// Of a member. No client uses it any more; what is under way is answered first. `for_good`: its process ends when it
  /// has left.
  void leave(std::size_t place, bool for_good);
  void crash(std::size_t place, MemoryNetwork::Crash kind);
  /// The process ends in order, but without leaving.
  void stop(std::size_t place);
  /// Where nodes have disks it goes on as what it was.
  void restart(std::size_t place);
  /// A member finds itself given up: it is alone from now on.
  void cast_out(std::size_t place);
  /// Somebody took it for a member of the home cluster and has joined it, or is about to. Both would be in the way.
  void end_host(std::size_t place);
  /// Whether the last member has left for good: nobody is taken in any more, and the home cluster is no more.
  bool has_home_ended() const noexcept { return has_home_ended_; }

 private:
  /// Runs `task` when the process of today does not stand still and nothing is under way through it, unless it ends
  /// before.
  void when_idle(std::size_t place, Function<void()> task);
  void when_idle(std::size_t place, unsigned incarnation, Function<void()> task);
  void pack(std::size_t place, std::size_t host);
  void ask_to_join(std::size_t place, std::size_t host);
  void on_joined(std::size_t place, const Status& status);
  /// The node is alone, and not where its stay began.
  void begin_anew(std::size_t place);
  void begin_stay(std::size_t place);
  void pack_up(std::size_t place);
  void ask_to_leave(std::size_t place, bool for_good);
  void on_left(std::size_t place, bool for_good, const Status& status);
  void end_home(std::size_t last);
  /// The handler of a join or a leave. `then` is called outside of the node, and not where the process has ended.
  StatusHandler handler(std::size_t place, const std::string& what, Function<void(const Status&)> then);

  Desk& desk_;
  World& world_;
  Workload& workload_;
  const Trace& trace_;
  const std::chrono::milliseconds deadline_;
  const bool is_durable_;
  Luggage luggage_;
  std::map<std::size_t, std::size_t> hosts_;  ///< of joining nodes
  bool has_home_ended_ = false;
  Agenda agenda_;
};

}  // namespace dht::testing::simulation
