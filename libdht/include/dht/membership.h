// Membership: who belongs to the cluster, by the newest cluster map, and how a node comes and goes.
//
// Implementations: cluster membership (a leader, a register and heartbeats; what a Node uses by default) and
// `make_static_membership` (a fixed list of nodes that is never changed).
//
// Thread rule: `join`, `leave`, `leave_for_good`, `step_aside`, `map`, `view`, `may_serve` and `report_within` may be
// called from any thread. The client is called on the node's scheduler, one call at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/error.h>
#include <dht/function.h>
#include <dht/scheduler.h>
#include <dht/storage.h>
#include <dht/transport.h>
#include <dht/types.h>

namespace dht {

/// Success, or the error and a sentence: what happened, what was kept, what to do.
using StatusHandler = Function<void(Status)>;

/// Where a replica stands in the history of its partition: its last change, and the epoch in which the primary that
/// numbered it had taken over. The greater one, by epoch and then by number, is further.
struct ReplicaPosition {
  Epoch epoch = 0;
  std::uint64_t seq = 0;

  auto operator<=>(const ReplicaPosition&) const = default;
};

/// What a node tells the leader about one of its replicas; each fact is repeated until the map settles it.
struct PartitionReport {
  PartitionId partition = 0;
  Epoch epoch = 0;                     ///< of the map by which the replica has its role
  bool stopped = false;                ///< the primary is drained and will not serve `epoch` again
  std::vector<LearnerRecord> level{};  ///< learners that have everything and are waited for
  std::vector<LearnerRecord> lost{};   ///< learners whose stream broke
  /// At the primary: backups that it does not reach, or that do not fit. It asks the leader to take them out.
  std::vector<NodeId> lost_backups{};
  /// At a backup whose primary is down: what it has, and it takes nothing more of that primary in `epoch`.
  std::optional<ReplicaPosition> sealed_at{};

  bool operator==(const PartitionReport&) const = default;
};

/// What a node tells the leader with each heartbeat.
struct NodeReport {
  StorageStatistics statistics{};             ///< of the partitions that the node is primary for
  std::vector<ClusterId> copies_of{};         ///< clusters of which the node may hold unchanged copies
  std::vector<PartitionReport> partitions{};  ///< only those with something to say
  bool is_full = false;                       ///< its memory is at the limit for what clients put
  bool is_durable = false;                    ///< it may come back with what it has
  /// Partitions of which it has an old copy, from before it was restarted or missed: in ascending order.
  std::vector<PartitionId> old_copies{};

  bool operator==(const NodeReport&) const = default;
};

/// What a node that is a member no longer thinks of the entries that it keeps.
enum class Kept : std::uint8_t {
  copies,   ///< the former cluster has them: unchanged ones are not carried back to it
  entries,  ///< its own: nobody else may have them any more
};

struct MembershipView;

/// The node's side: what membership asks of whoever holds the data. All calls come on the node's scheduler.
class MembershipClient {
 public:
  /// A newer map of the same cluster. Adopted when the call returns.
  virtual void on_map(ClusterMapPtr map) = 0;
  /// The leader orders this primary to hand the partition over.
  virtual void on_hand_over(PartitionId partition, Epoch epoch) = 0;
  virtual NodeReport report() const = 0;
  /// News of the members of the node's cluster; `Membership::view()` says the same.
  virtual void on_view(const MembershipView& view) { static_cast<void>(view); }

  // A join, in this order; `abandon_join` at any moment before `switch_to` undoes it: the node serves its own table as
  // before and keeps all its data.

  /// Whether the whole of the node's own table can be read just now. Not while a restarted node is coming back.
  virtual bool is_table_whole() const { return true; }
  /// Begins to copy this node's entries into the cluster of `target`, where the node is listed as joining, while its
  /// clients go on using the own table. `done` when what is left is small.
  virtual void copy_into(ClusterMapPtr target, bool drop_copies, StatusHandler done) = 0;
  /// A newer map of the cluster that is being joined.
  virtual void on_target_map(ClusterMapPtr map) = 0;
  /// Makes clients wait and copies what is left.
  virtual void finish_copy(StatusHandler done) = 0;
  /// The node is an active member by `map`: it gives its own table up and lets its clients go on.
  virtual void switch_to(ClusterMapPtr map) = 0;
  virtual void abandon_join(Function<void()> done) = 0;

  /// The node is a member no longer: it founds `alone`, with what it was primary for, and as `entries` also with what
  /// it was backup for.
  virtual void stand_alone(ClusterMapPtr alone, Kept kept, StatusHandler done) = 0;
  /// The last one is over and will not be forgotten: what is left of the former cluster is of no use any more.
  virtual void on_standing_alone() {}

  /// The node may serve again, after a time in which it might not.
  virtual void on_lease() = 0;

 protected:
  ~MembershipClient() = default;
};

struct MemberView {
  NodeId node{};
  bool alive = false;
  StorageStatistics statistics{};
  bool is_full = false;  ///< as it last reported
};

struct OperationView {
  bool is_join = true;
  std::string name{};
  std::uint64_t done = 0;        ///< partitions moved
  std::uint64_t total = 0;       ///< partitions to move
  std::uint64_t bytes_done = 0;  ///< of keys and values in the partitions that were moved
  std::chrono::milliseconds age{};
};

/// What the leader last told about the members and what is going on.
struct MembershipView {
  std::vector<MemberView> members{};
  std::vector<OperationView> operations{};
};

/// What a join is after.
enum class JoinGoal : std::uint8_t {
  /// To be in the cluster of one of the peers: of the first that answers. A node that is in another one leaves it.
  one_peer,
  /// To be in one cluster with every peer that answers: for nodes that all carry the same list and start together. The
  /// node goes where most members are. Done only when nobody who answers is elsewhere; Errc::conflict until then.
  all_peers,
  /// The same, but a node that is in a cluster with others does not leave it for a smaller one: those are expected to
  /// come by themselves, and Errc::conflict says that they have not yet.
  all_peers_patiently,
};

class Membership {
 public:
  virtual ~Membership() = default;

  /// Begins. The client must outlive the return of `stop`.
  virtual void start(MembershipClient& client) = 0;
  /// The node cannot do its part any more, since its storage has failed: it gives its lease up and says nothing to
  /// anybody from now on, as if it had crashed. Called on the scheduler.
  virtual void fall_silent() = 0;
  /// Fails what is under way with Errc::stopped. Called on the scheduler, or when nothing runs there any more.
  virtual void stop() = 0;

  virtual ClusterMapPtr map() const = 0;
  virtual MembershipView view() const = 0;
  /// Whether a primary may answer at `now`, a moment read after its request came.
  virtual bool may_serve(Instant now) const = 0;
  /// `MembershipClient::report()` has news, of which the leader is to hear within that time at the latest. What comes
  /// meanwhile goes along.
  virtual void report_within(Duration time) = 0;
  /// A message showed that others have a map of `revision`; if it is newer than ours, ask for it.
  virtual void heard_of(ClusterId cluster, Revision revision) = 0;

  virtual void join(std::vector<PeerName> peers, JoinGoal goal, StatusHandler handler) = 0;
  virtual void leave(StatusHandler handler) = 0;
  /// `leave`, by a node whose process is about to end: from this call on, whatever comes of it, the node joins no
  /// cluster and lets nobody join it, since what it would be given would be lost. May be repeated.
  virtual void leave_for_good(StatusHandler handler) = 0;
  /// The process is about to end and comes back with what it has: others go on with what they can, from then on, and
  /// the node stays a member. May be repeated.
  virtual void step_aside(StatusHandler handler) = 0;
  /// The member called `name`, which is down, is given up, with what it alone held. Errors: invalid_argument (no such
  /// member), conflict (it is not down), not_applied (no leader could be asked), stopped.
  virtual void forget(std::string name, StatusHandler handler) = 0;
  /// Where a majority of the voters is gone for good: this node becomes a cluster of one, with the entries of which it
  /// has a copy. Errors: conflict (it holds a lease, so there is a majority; or a join or leave is under way),
  /// stopped.
  virtual void recover(StatusHandler handler) = 0;

  // The control lane. Called on the scheduler.

  virtual void on_request(const LinkInfo& from, std::uint16_t type, std::string payload) = 0;
  virtual void on_reply(const Peer& peer, std::uint16_t type, std::string payload) = 0;
  virtual void on_broken(const Peer& peer, ConnectionId connection, std::error_code reason) = 0;
};

/// A cluster that never changes: every node is given the same list (ids, names, addresses) and the same settings, and
/// holds its even share from the start. It changes nothing: `join` and all that is like it answer Errc::conflict.
std::unique_ptr<Membership> make_static_membership(ClusterId cluster, const ClusterSettings& settings,
                                                   std::vector<NodeRecord> nodes);

}  // namespace dht
