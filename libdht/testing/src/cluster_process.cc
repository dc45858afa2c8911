#include "cluster_process.h"

#include <algorithm>
#include <random>
#include <utility>

#include <dht/testing/late_storage.h>

namespace dht::testing {

namespace {

/// Drawn apart from the process's own numbers, which stay the same whatever its clock.
std::int64_t drawn_up_to(std::int64_t limit, std::uint64_t seed) {
  return static_cast<std::int64_t>(std::mt19937_64(seed)() % (static_cast<std::uint64_t>(limit) + 1));
}

}  // namespace

Cluster::Process::Process(Cluster& cluster, std::uint64_t seed, const Address& address, SimulatedDisk* disk)
    : scheduler_(cluster.timeline_, seed, Duration{drawn_up_to(cluster.options_.clock_offset_max.count(), seed + 1)}),
      transport_(cluster.network_.make_transport(address)),
      disk_(disk) {
  const std::int64_t drift = cluster.options_.clock_drift_max;
  scheduler_.set_clock_rate(drawn_up_to(2 * drift, seed + 2) - drift);
  const Duration least = cluster.options_.storage_delay;
  const Duration most = cluster.options_.storage_delay_max;
  if (disk != nullptr) {
    storage_ =
        disk->open(scheduler_, {.call_min = least,
                                .call_max = std::max(most, least),
                                .sync_min = cluster.options_.sync_delay,
                                .sync_max = std::max(cluster.options_.sync_delay_max, cluster.options_.sync_delay)});
  } else if (most > Duration{0}) {
    storage_ = std::make_unique<LateStorage>(scheduler_, least, most);
  } else if (least > Duration{0}) {
    storage_ = std::make_unique<LateStorage>(scheduler_, least);
  } else {
    storage_ = make_memory_storage(seed + 3);  // one that a node makes itself has the system's random numbers
  }
}

Cluster::Process::~Process() {
  node_.reset();
  for (Call& call : std::exchange(waiting_, {}))
    call(nullptr);
}

void Cluster::Process::start(std::size_t number, NodeOptions options, ProcessHook& hook) {
  NodeParts parts{.scheduler = &scheduler_, .transport = transport_.get(), .storage = storage_.get()};
  if (hook) decorators_ = hook({number, scheduler_, options, parts, disk_});
  node_ = std::make_unique<Node>(std::move(options), parts);
}

void Cluster::Process::call(Call call) {
  if (is_paused()) {
    waiting_.push_back(std::move(call));
  } else {
    call(node_.get());
  }
}

void Cluster::Process::resume() {
  scheduler_.resume();
  scheduler_.post([this] { take_waiting(); });
}

void Cluster::Process::take_waiting() {
  // One of them may end or pause the process again.
  while (!waiting_.empty() && !scheduler_.is_crashed() && !is_paused()) {
    Call call = std::move(waiting_.front());
    waiting_.pop_front();
    call(node_.get());
  }
}

}  // namespace dht::testing
