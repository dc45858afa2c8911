// Session: this node's part in one cluster. It holds the replicas that the cluster's map gives this node, runs
// operations on them, sends the others' on to their primaries, and answers what peers ask. A node that joins another
// cluster has a second session for it meanwhile.
//
// Each partition has a slot: a monitor around its replica and whatever waits for it. A step under the slot's lock
// collects effects; frames of the replication lane are queued while the lock is held, so that they keep the order of
// the steps; answers are given after it is released.
//
// An operation waits (parked) in its slot while this node is the partition's primary and does not serve it, while
// nobody is known to be primary, and while the session is paused. It is routed anew when a newer map is adopted.
//
// Thread rule: all methods may be called from any thread, except where "on the strand" is said.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/log.h>
#include <dht/membership.h>
#include <dht/node.h>
#include <dht/partitioner.h>
#include <dht/scheduler.h>
#include <dht/storage.h>
#include <dht/transport.h>

#include "node/further_copies.h"
#include "node/memory_limit.h"
#include "node/operation_table.h"
#include "node/storage_drops.h"
#include "replica/replica.h"
#include "wire/data.h"
#include "wire/message_type.h"
#include "wire/stream.h"

namespace dht::node {

/// What a session is given; all of it outlives the session.
struct SessionParts {
  NodeId self{};
  Scheduler* scheduler = nullptr;
  Transport* transport = nullptr;
  Storage* storage = nullptr;
  StorageDrops* drops = nullptr;
  const Partitioner* partitioner = nullptr;
  Membership* membership = nullptr;
  OperationTable* operations = nullptr;
  MemoryLimit* memory = nullptr;
  const LogSink* log = nullptr;
  /// Routes an operation in the node's present session; for those that reach a session that has been given up.
  Function<void(OperationId)>* route_elsewhere = nullptr;
  /// Has `retry_postponed`, `expire_parked_requests` and `tend_streams` called soon.
  Function<void()>* keep_house = nullptr;
  /// Has `give_chunk` called soon.
  Function<void()>* copy_soon = nullptr;
};

class Session final : public replica::Reentry {
 public:
  Session(const SessionParts& parts, ClusterMapPtr map);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  ClusterId cluster() const noexcept { return cluster_; }
  ClusterMapPtr map() const;
  PartitionId partition_of(std::string_view key) const noexcept;

  // Clients' operations.

  /// Runs a read on the replica here, if this node serves the key. `handler` as in replica::Replica::get: untouched
  /// where the outcome is given at once. `waiting` is called, under the slot's lock, where the answer comes later.
  struct ReadHere {
    bool served = false;
    std::optional<replica::ReadOutcome> outcome{};
  };
  ReadHere read_here(std::string_view key, GetHandler& handler, Function<void()> waiting);
  struct WriteHere {
    bool served = false;
    std::optional<replica::WriteOutcome> outcome{};
  };
  WriteHere write_here(const WriteRequest& request, const Precondition& precondition, WriteHandler& handler,
                       Function<void()> waiting);
  /// A hint, see Table::expect.
  void expect(std::span<const std::string_view> keys) noexcept;
  /// Puts an operation into the table and routes it. False, and it stays the caller's, where the table is closed.
  bool begin(OperationPtr& operation);
  /// Runs an operation of the table here, sends it to its primary, or parks it.
  void route(OperationId id);
  /// The answer to a read that waited in the replica here. One that was certainly not done is tried again within its
  /// deadline.
  void end_read(OperationId id, std::error_code error, std::optional<Entry> entry);
  /// Routes anew what was put off, and begins partitions that had to wait. Called every few milliseconds.
  void retry_postponed();
  /// Takes up streams to backups that have broken, and gives up those that make writes wait. Called often.
  void tend_streams(Instant now);
  /// Goes on with a copy to a learner that waits for it; false where none does. Called at the pace that leaves clients
  /// their share.
  bool give_chunk();
  /// Whether there is anything for `retry_postponed`, `expire_parked_requests` or `tend_streams` to do.
  bool has_put_off() const;

  // Frames of the request and replication lanes.

  /// A hint, see TransportReceiver::expect. They may be senseless, or another session's.
  void expect_frames(std::span<const Frame> frames) noexcept;
  void on_request(const LinkInfo& from, Frame frame);
  /// A frame of a node that takes this one for a member of another cluster, as it was until lately.
  void refuse_stranger(const LinkInfo& from, Frame frame);
  void on_reply(const Peer& peer, Lane lane, Frame frame);
  void on_broken(const Peer& peer, Lane lane, ConnectionId connection, std::error_code reason);

  // The map. On the strand.

  /// Begins to serve every partition that the map gives this node, with nothing in it: for a founder and for a fixed
  /// list.
  void found();
  /// The same, with what this node was primary for in `left`, which is drained. It is emptied partition by partition;
  /// where the storage is durable by `drop_all_kept`. Both sessions outlive the call of `done`, or are destroyed
  /// without it.
  void found_from(Session& left, Kept kept, Function<void(std::error_code)> done);
  /// Everything that is here of the former cluster is of no use any more.
  void drop_all_kept();
  /// Goes on with what a former run of this node has left in the storage, and drops what is another cluster's.
  void restore();
  void adopt(ClusterMapPtr map);
  void hand_over(PartitionId partition, Epoch epoch);
  NodeReport report() const;
  /// Of the partitions that this node is primary for.
  StorageStatistics statistics() const;
  /// Whether every partition of the cluster is served here, but for a lease.
  bool serves_all() const;
  /// The partitions whose operations would be run here right now.
  std::vector<PartitionId> serving() const;
  /// Refuses what has waited here for so long that its asker's deadline is near.
  void expire_parked_requests(Instant now);
  /// Old copies that nobody has asked for are of no use once the cluster is as it should be. Called now and then.
  void drop_old_copies(Instant now);

  /// What waited for this node's lease goes on.
  void wake();

  // The end of a session.

  /// Stops every primary here, without a successor, and where nobody else may have what it has (`Kept::entries`) every
  /// backup. `done` when nothing is under way at their storages any more; at once where nothing was.
  void drain(Kept kept, Function<void()> done);

  /// Operations park from now on, and peers' requests, too.
  void pause();
  bool is_paused() const noexcept { return paused_; }
  /// Undoes `pause`.
  void resume();
  /// This node has left the cluster: operations that were begun here end at its members, none begins here any more.
  void detach();
  /// Gives everything up: data is dropped, what is parked goes to the node's present session, which is another by now.
  void retire();

  // For listings and for the copy of a joining node.

  /// What replica::Replica::scan says; a partition of which this node has no copy has nothing to give either. What
  /// comes later comes on the strand.
  std::optional<StorageScanned> scan(PartitionId partition, ScanCursor from, std::size_t max_bytes,
                                     StorageScanHandler& handler);
  Version last_version(PartitionId partition) const;
  /// Reads one key of a partition that this node is primary for, even while the session is paused.
  void peek(std::string_view key, GetHandler handler);
  /// Keys written from now on are noted, each with the version that it had before (zero: none); `take_written_keys`
  /// gives those since the last call.
  using WrittenKeys = std::map<std::string, Version>;
  void note_written_keys(bool note);
  WrittenKeys take_written_keys();
  std::size_t written_keys() const;
  void mark_copy(std::string_view key, Version version, ClusterId cluster);
  /// On the strand.
  FurtherCopies& further_copies() noexcept { return further_copies_; }
  /// Remembers that some entries here may be unchanged copies of what `cluster` holds.
  void note_copies_of(ClusterId cluster);

  void reenter(PartitionId partition, replica::Step step) override;

 private:
  struct ParkedRequest {
    LinkInfo from;
    std::uint16_t type = 0;
    std::string payload;
    Instant expires{};
  };
  /// What every operation needs fits into one cache line, what a newer map looks at into two.
  struct alignas(64) Slot {
    mutable std::mutex mutex{};
    std::unique_ptr<replica::Replica> replica{};
    NodeId primary{};       ///< by the map of `revision`; none where that is down
    Revision revision = 0;  ///< of the map that this slot has adopted
    std::vector<OperationId> parked{};
    std::vector<ParkedRequest> parked_requests{};
    /// On a leaving node: what it was primary for, as it was handed over.
    std::unique_ptr<PartitionStorage> kept{};
    LinkId stream_link = 0;  ///< on which the pieces of the stream that the replica follows come
  };

  using ScanId = std::uint64_t;
  /// What `found_from` is about.
  struct Founding {
    Session& left;
    Kept kept{};
    ClusterId mark{};  ///< of what is kept as copies
    Function<void(std::error_code)> done;
    PartitionId partition = 0;               ///< that is being copied
    std::unique_ptr<PartitionStorage> to{};  ///< its new place
  };

  Slot& slot(PartitionId partition) noexcept { return slots_[partition]; }
  bool serves(const Slot& slot) const;
  std::unique_ptr<replica::Replica> make_replica(PartitionId partition);

  // session_expect.cc
  void fetch_ahead(std::span<const wire::Subject> subjects) noexcept;

  // session_route.cc
  void run_in_replica(Slot& slot, Operation& operation, replica::Effects& effects);
  /// Tries it again a little later.
  void postpone(OperationId id);
  PartitionId partition_of(const Operation& operation) const noexcept;
  void note_written(Slot& slot, std::string_view key, replica::Effects& effects);

  // session_send.cc
  /// What is to be known for sending operations on to a node; `peer` is none where the map does not name it.
  struct Way {
    Peer peer{};
    Revision revision = 0;
    Instant now{};
  };
  /// The primary to which an operation on that partition is to be sent; none where it is to go any other way.
  NodeId primary_elsewhere(PartitionId partition);
  Way way_to(NodeId primary) const;
  void send_on(NodeId primary, OperationId id, PartitionId partition);
  /// Under the operation table's lock, so that a break of the connection finds every operation that was sent over it.
  std::error_code send_under_lock(const Way& way, PartitionId partition, Operation& operation);
  void end_unsent(NodeId primary, OperationId id, std::error_code error);
  /// Takes the operation that a reply names out of the table and lets `end` call its handler.
  template <typename End>
  void end_sent(const wire::ReplyHeader& header, Operation::Kind kind, End end);
  void on_wrong_node(const wire::ReplyHeader& header);

  // session_peers.cc
  /// Ends a connection over which bytes came that no node of ours sends.
  void close_senseless(const LinkInfo& from, std::string_view what);
  void serve_request(const LinkInfo& from, std::uint16_t type, std::string_view payload,
                     const wire::RequestHeader& header);
  /// False where the message makes no sense; nothing was done then.
  bool run_request(Slot& slot, const LinkInfo& from, std::uint16_t type, std::string_view payload,
                   replica::Effects& effects);
  void send_refusal(const LinkInfo& from, std::uint16_t type, const wire::ReplyHeader& header);
  void refuse_request(const LinkInfo& from, std::uint16_t type, std::uint64_t request, Revision revision);
  /// A batch of a node that is not joining by our map comes from a join that is over.
  bool is_late_merge(const LinkInfo& from, std::uint16_t type, Revision asker) const;
  GetHandler get_replier(LinkId link, std::uint64_t request);
  WriteHandler write_replier(LinkId link, std::uint64_t request);
  replica::DoneHandler done_replier(LinkId link, std::uint64_t request);

  // session_streams.cc
  void on_piece(const LinkInfo& from, std::string_view payload);
  bool may_learn(const Slot& slot, const wire::StreamId& stream) const;
  void on_ack(const Peer& peer, std::string_view payload);
  /// The connection over which we stream to a learner or backup broke.
  void lose_streams(NodeId follower);

  // session_map.cc
  /// `is_news`: the map may say something else of the partition than the one before.
  void adopt_slot(PartitionId partition, const ClusterMap& map, bool is_news, bool nobody_joins);
  void follow_record(PartitionId partition, Slot& slot, const ClusterMap& map, const PartitionRecord& record,
                     replica::Effects& effects, std::unique_ptr<replica::Replica>& dropped);
  void rerun(const std::vector<OperationId>& parked, const std::vector<ParkedRequest>& requests);
  /// Under the slot's lock: the partition is held no longer. What is returned is to be given to `close_and_drop`.
  std::unique_ptr<replica::Replica> give_up(PartitionId partition, Slot& slot);
  void close_and_drop(PartitionId partition, std::unique_ptr<replica::Replica> replica);
  void begin_empty(PartitionId partition, Slot& slot, const PartitionRecord& record, replica::Effects& effects,
                   std::unique_ptr<replica::Replica>& dropped);
  void retry_beginnings();
  /// A copy that the map gives this node no more is kept while the node is coming back, for its share to be chosen
  /// among such.
  bool may_be_of_use(const replica::Replica& replica) const {
    return keeps_what_it_loses_ && replica.is_complete() && parts_.storage->is_durable();
  }
  bool is_old_copy(const Slot& slot, const ClusterMap& map, PartitionId partition) const;
  bool is_drained(Kept kept) const;
  static void keep_storage(Slot& slot);
  PartitionStorage* kept(PartitionId partition, Kept kept);
  void drop_kept(PartitionId partition);
  void copy_kept();
  void end_founding();
  void restore_partition(const StoredPartition& stored);
  void finish_copy(std::error_code error, Version highest);
  void begin_serving(PartitionId partition, std::unique_ptr<replica::Replica> replica, Version clock);
  void note_former_members(const ClusterMap& before, const ClusterMap& after);

  // session.cc
  /// Whether there is no memory for a client's write, here or at a backup. Asked before anything of it is done.
  bool refuses(PartitionId partition, const WriteRequest& request) const {
    return parts_.memory->may_refuse() && !has_room(partition, request);
  }
  bool has_room(PartitionId partition, const WriteRequest& request) const;
  /// Remembers of which clusters the entries that come from elsewhere are copies.
  template <typename Changes>
  void note_marks(const Changes& changes) {
    for (const auto& change : changes) {
      if (change.copy_of) note_copies_of(change.copy_of);
    }
  }
  /// Under the slot's lock: queues the frames, in order, and what copies ask for.
  void send_pieces(Slot& slot, replica::Effects& effects);
  void queue_chunks(const std::vector<replica::Effects::ChunkAsk>& asks);
  void watch_followers();
  void send_ack(LinkId link, const wire::StreamAck& ack);
  /// After the slot's lock is released: answers.
  void answer(replica::Effects& effects);
  /// The same, and lets what is parked go on where the replica has opened.
  void finish(PartitionId partition, replica::Effects& effects);
  void let_go_on(PartitionId partition);
  void end_scan(ScanId id, StorageScanned scanned);
  Peer peer_of(NodeId node) const;
  /// Whether the transport has refused it in this round of retries: then no other operation is encoded only to wait.
  bool is_out_of_reach(NodeId node) const { return has_out_of_reach_ && is_noted_out_of_reach(node); }
  bool is_noted_out_of_reach(NodeId node) const;
  void note_out_of_reach(NodeId node);
  void log(LogLevel level, std::string_view line) const;
  /// A role that the node cannot have. Without a lease its map may be an old one, from before it gave the copy away.
  void complain_of_role(PartitionId partition, std::string_view role) const;

  const SessionParts parts_;
  const ClusterId cluster_;
  const std::uint32_t partitions_;
  std::unique_ptr<Slot[]> slots_;
  std::atomic<bool> paused_ = false;
  std::atomic<bool> detached_ = false;
  std::atomic<bool> retired_ = false;
  std::atomic<bool> noting_ = false;
  std::atomic<bool> has_parked_requests_ = false;  ///< or had, lately
  std::atomic<bool> awaits_followers_ = false;     ///< or did, lately
  std::atomic<bool> has_out_of_reach_ = false;     ///< `out_of_reach_` is not empty
  std::atomic<ScanId> last_scan_ = 0;

  mutable std::mutex map_mutex_;
  ClusterMapPtr map_;

  mutable std::mutex mutex_;  ///< for what follows; taken after a slot's lock, never before it
  std::vector<OperationId> postponed_;
  std::deque<replica::Effects::ChunkAsk> chunk_asks_;
  std::set<PartitionId> beginnings_;  ///< to begin empty, once what was here before has been dropped
  std::set<NodeId> out_of_reach_;     ///< until the next round of retries
  WrittenKeys written_keys_;
  std::set<ClusterId> copies_of_;
  std::set<Peer> former_members_;  ///< no longer in the map; disconnected once nothing is under way to them
  std::map<ScanId, StorageScanHandler> scans_;  ///< those that the storage completes later

  /// On the strand: since it was restarted or called down, until its old copies are used or dropped.
  bool is_coming_back_ = false;
  /// The first part of that: what the map takes away has to do with its absence. What is taken away later has not, and
  /// if that were kept, too, the leader would find more and more that it could use instead.
  bool keeps_what_it_loses_ = false;
  std::optional<Instant> back_since_;              ///< on the strand: as a member that holds a lease
  std::optional<Instant> settled_since_;           ///< on the strand: nothing was missing or moving
  FurtherCopies further_copies_;                   ///< on the strand
  std::unique_ptr<Founding> founding_;             ///< on the strand
  std::unique_ptr<Scheduler::Timer> drain_timer_;  ///< on the strand; also of the end of a founding
};

}  // namespace dht::node
