// MapChange: one change of the cluster map. Takes a map, does some operations on a copy of it, and gives the map of the
// next revision. Pure: no clock, no I/O.
//
//   MapChange change(*map);
//   change.move_primary(7, node);
//   change.activate(node);
//   ClusterMap next = std::move(change).finish();
//
// Each operation says what must hold before it; that is asserted, and so is the soundness of the result. Whoever
// decides on a change has looked at the map first, so a broken precondition is a bug and not an input.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <dht/cluster_map.h>

namespace dht::cluster {

class MapChange {
 public:
  /// Copies `base`, which must be sound.
  explicit MapChange(const ClusterMap& base);

  // Members.

  /// A newcomer, whose id no node has and whose name none that is not down. Its state in the map is `joining`, whatever
  /// the record says.
  void add_joining(NodeRecord node);
  /// The node must have no role in any partition, and be neither leader nor voter, present or to come.
  void remove_node(NodeId id);
  void activate(NodeId id);      ///< joining -> active
  void begin_leave(NodeId id);   ///< active -> leaving
  void cancel_leave(NodeId id);  ///< leaving -> active
  void mark_down(NodeId id);     ///< active or leaving -> down
  void mark_active(NodeId id);   ///< down -> active

  /// Another node, which must be active, leads from now on; the generation grows. Where it is no voter it becomes one
  /// in place of the present leader, by a change of voters. While another one is under way it must be among those to
  /// come, or nobody would lead when that ends.
  void set_leader(NodeId id);
  /// The leader, which must be active, begins a new generation: its process was restarted.
  void lead_anew();
  /// Begins a change of voters, which must be active, the leader among them; none may be under way.
  void begin_voter_change(std::vector<NodeId> next);
  /// Ends it. The map that began it must be chosen, and the leader must be one of the next voters.
  void finish_voter_change();

  /// The node says so of itself. No other may have that name, unless it is down.
  void rename(NodeId id, std::string name, Address address);

  // Roles.

  /// `node` must be active and have no role in the partition. It copies from `since` = the revision of this change on.
  void add_learner(PartitionId partition, NodeId node, bool has_old_copy = false);
  /// `node` must be a learner of the partition.
  void remove_learner(PartitionId partition, NodeId node);
  /// The learner `node`, which has everything, is a backup in a new epoch, of the same primary.
  void promote(PartitionId partition, NodeId node);
  /// The backup `node` leaves the partition; the same primary goes on in a new epoch. A learner that is as good, or the
  /// primary itself, must be alive.
  void remove_backup(PartitionId partition, NodeId node);
  /// The primary, which has stopped and is drained, hands over to `to`, a learner or backup that is active. `backups`
  /// are those that stay: of the backups and the old primary. Learners are dropped: they follow the old one.
  void hand_over(PartitionId partition, NodeId to, std::vector<NodeId> backups);
  /// The primary is down, and of the backups `to` takes its place: the furthest that is known. `backups` are those of
  /// the others that stay.
  void fail_over(PartitionId partition, NodeId to, std::vector<NodeId> backups);
  /// The same primary takes over anew: one that had stopped (it never serves its old epoch again), or that was down
  /// (its backups take nothing more in the old epoch). Without learners.
  void reopen_primary(PartitionId partition);
  /// The loss of what the partition held is accepted: `to`, which must be active and have no role in it, is its primary
  /// in a new epoch and begins with nothing, and with versions above `floor`, which grows. The present primary must be
  /// down; there must be neither backups nor learners.
  void begin_empty(PartitionId partition, NodeId to, Version floor);

  /// True where no operation was made.
  bool empty() const noexcept { return !changed_; }
  /// The map as the operations so far have made it.
  const ClusterMap& map() const noexcept { return map_; }

  /// The changed map, of the revision after the base's. It is sound (asserted).
  ClusterMap finish() &&;

 private:
  NodeRecord& member(NodeId id);
  PartitionRecord& partition_record(PartitionId partition);
  static void take_over(PartitionRecord& record, NodeId primary, std::vector<NodeId> backups);

  ClusterMap map_;
  bool changed_ = false;
};

}  // namespace dht::cluster
