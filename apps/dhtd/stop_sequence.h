// StopSequence: what happens after SIGTERM: no longer ready, leave the cluster, refuse what still comes, exit 0. Past
// its time-out: exit 3, and a line that names what stayed behind. (design.md 8, "Stopping")
//
// A node that keeps what it has on disk comes back: it steps aside instead, stays a member, and serves through the
// other members whoever is still connected until that is over. So nothing that was asked of it fails. Where no
// other member is there it ends without that.
//
// Thread rule: used on the scheduler. It must outlive the handlers that it has given to `admin`, and the tasks that it
// has given to the scheduler.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include <dht/log.h>
#include <dht/node.h>
#include <dht/scheduler.h>

#include "cluster_admin.h"
#include "service_state.h"

namespace dhtd {

inline constexpr int kExitStopTimeout = 3;

class StopSequence {
 public:
  /// The references must outlive this object.
  struct Parts {
    ClusterAdmin& admin;
    dht::Scheduler& scheduler;
    SharedServiceState& state;
    dht::LogSink log;
    std::function<void()> finish_connections;  ///< close each connection once it has its answers
    std::function<bool()> connections_have_finished;
    std::function<std::size_t()> open_connections;
    std::function<void(int exit_code)> exit;  ///< called once, at the end
    bool comes_back = false;                  ///< the node keeps what it has
  };

  StopSequence(Parts parts, std::chrono::milliseconds timeout);

  /// The first signal.
  void begin();
  /// A further signal, after which the process ends at once: says what that means for the data, and returns the exit
  /// code.
  int cut_short(int signal) const;

 private:
  void leave();
  void on_left(const dht::Status& status);
  void watch(std::chrono::milliseconds alone);
  void refuse_clients();
  void end_connections();
  void on_timeout();
  void drain();
  void end(int exit_code);

  Parts parts_;
  const std::chrono::milliseconds timeout_;
  bool begun_ = false;
  bool has_given_up_ = false;  ///< handing over
  bool ended_ = false;
  dht::Status last_;  ///< of the last attempt to leave
  dht::Instant give_up_draining_;
  std::unique_ptr<dht::Scheduler::Timer> limit_;
  std::unique_ptr<dht::Scheduler::Timer> watch_;
  std::unique_ptr<dht::Scheduler::Timer> next_;
};

}  // namespace dhtd
