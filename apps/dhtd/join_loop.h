// JoinLoop: `--join`, tried until every peer in the list that answers is in one cluster with this node. Pauses grow and
// are jittered, so that the nodes of a deployment that start together do not return in step.
//
// Thread rule: used on the scheduler. It must outlive the handlers that it has given to `admin`, and the tasks that it
// has given to the scheduler.
#pragma once

#include <memory>
#include <string>

#include <dht/log.h>
#include <dht/node.h>
#include <dht/scheduler.h>

#include "cluster_admin.h"

namespace dhtd {

class JoinLoop {
 public:
  /// All must outlive this object.
  JoinLoop(ClusterAdmin& admin, dht::Scheduler& scheduler, std::string peers, dht::LogSink log);

  void start();
  /// Begins no further attempt; one that is under way goes on.
  void stop();

 private:
  void attempt();
  void on_result(const dht::Status& status);

  ClusterAdmin& admin_;
  dht::Scheduler& scheduler_;
  const std::string peers_;
  const dht::LogSink log_;
  bool stopped_ = false;
  unsigned failures_ = 0;
  std::unique_ptr<dht::Scheduler::Timer> pause_;
};

/// The pause after the n-th failure (n > 0): doubles from 200 ms up to 5 s, less up to half of it at random.
dht::Duration join_pause(unsigned failures, std::uint64_t random);

}  // namespace dhtd
