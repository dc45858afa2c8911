// Contact: keeps this node in touch with the leader of its cluster, and with that of the cluster that it is joining.
// Its heartbeats renew the node's lease, tell what the node has to report, and bring newer maps.
//
// Thread rule: the membership's strand; `may_serve` from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "cluster/leader_seat.h"
#include "cluster/member.h"
#include "lease/node_lease.h"

namespace dht::cluster {

class Contact {
 public:
  /// `learn` is given every newer map that an answer brings, of either cluster. `on_beat` is called with each regular
  /// heartbeat: what else is to be done from time to time is best done then, while the process is awake.
  Contact(Member& member, LeaderSeat& seat, Function<void(const ClusterMapPtr&)> learn, Function<void()> on_beat);
  ~Contact();

  void start();
  /// The node has come into another cluster: what it was granted elsewhere is over.
  void begin();
  /// A newer map of the present cluster: where another node leads it is asked at once.
  void follow(const ClusterMap& map);
  /// A heartbeat before its time; several such wishes that come together make one.
  void send_soon() { send_within(Duration::zero()); }
  void send_within(Duration time);
  /// The leader has just asked this voter for its confirmation. What is due to it soon goes along with the answer, so
  /// that both nodes are woken once for the two.
  void keep_pace();
  void stop();
  /// The same, and the node holds no lease any more.
  void give_up();

  /// Whether the node holds its lease at `now`.
  bool may_serve(Instant now) const {
    return now.since_start.count() < lease_until_ns_.load(std::memory_order_acquire);
  }

 private:
  void beat();
  /// An operator should learn that the node answers nobody.
  void log_loss();
  void on_lease_again();
  void send();
  wire::LeaseAsk ask_with(lease::NodeLease& lease);
  void send_own(const ClusterMapPtr& map);
  void send_to_target(const ClusterMapPtr& target);
  void on_answer(const ClusterMapPtr& asked, std::error_code error, const wire::Answer& answer);
  void on_own_answer(const wire::Answer& answer);
  void publish(Instant until);

  Member& member_;
  LeaderSeat& seat_;
  Function<void(const ClusterMapPtr&)> learn_;
  Function<void()> on_beat_;
  NodeId leader_{};  ///< the one that was asked last
  Instant leader_since_{Duration::min() / 2};
  std::uint64_t last_ask_ = 0;  ///< of this node, in any cluster
  lease::NodeLease lease_;
  ClusterId target_;               ///< the cluster that is being joined
  lease::NodeLease target_lease_;  ///< grants nothing yet; only for its echo
  std::optional<Instant> due_;     ///< of the heartbeat that is wished for
  Instant last_beat_{Duration::min() / 2};
  bool logged_loss_ = false;
  std::unique_ptr<Scheduler::Timer> timer_;
  std::atomic<std::int64_t> lease_until_ns_;
};

}  // namespace dht::cluster
