// Node: a member of a cluster, and a Table over all of it.
//
// A new node founds a cluster of one. `join` merges its entries into another cluster and makes it a full member;
// `leave` hands its partitions over and makes it a cluster of one again. Every node takes every request and sends it on
// to the partition's primary, one hop at most.
//
// Parts: scheduler, transport, storage and partitioner can be injected; each has a good default. Injected parts must
// outlive the node.
//
// Thread rule: all methods may be called from any thread. The destructor fails what is under way with Errc::stopped,
// joins the node's own threads and returns promptly; call it from outside the node's handlers. On the program's own
// io_context: destroy the node before the io_context, whether or not that still runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/error.h>
#include <dht/log.h>
#include <dht/membership.h>
#include <dht/partitioner.h>
#include <dht/scheduler.h>
#include <dht/storage.h>
#include <dht/table.h>
#include <dht/transport.h>

namespace dht {

struct NodeOptions {
  /// This incarnation's id; by default a random one. Given where an injected membership names it.
  NodeId id{};
  /// A label for people, unique in a cluster; by default the advertised address.
  std::string name{};
  /// "host:port" to listen on; binds every address that the host resolves to. Port 0 takes a free one. Used by the
  /// node's own TCP transport only: with an injected transport it is merely the default for `advertise`.
  std::string listen = "localhost:9876";
  /// "host:port" that others are told; by default the listening address. Needed where that is a wildcard.
  std::string advertise{};
  /// Fixed when a cluster is founded. Left empty, a joining node adopts the cluster's; told otherwise it is refused.
  std::optional<std::uint32_t> partitions{};  ///< default 1024
  std::optional<std::uint32_t> replicas{};    ///< default 2
  std::size_t max_key_bytes = kMaxKeyBytes;
  std::size_t max_value_bytes = kDefaultMaxValueBytes;
  /// How much memory the entries here may take, with all that is kept to find them; zero: no limit. A put that would
  /// bring the node near it (a tenth is kept for copies and moves), or whose backup is known to be there, is refused
  /// with Errc::out_of_memory, and nothing is changed. Each node may have a limit of its own.
  std::uint64_t max_memory_bytes = 0;
  /// Requests begun here and not yet answered; past it `overloaded`.
  std::size_t max_requests_in_flight = 65536;
  /// How long a node may serve, or lead, without word of a majority; also how soon a silent one is missed. Fixed when a
  /// cluster is founded, like the two above.
  std::optional<std::chrono::milliseconds> lease{};  ///< default 1 s; 10 ms to 60 s
  /// How long a join tries to reach one of the peers, and any single step of it, before it gives up.
  std::chrono::milliseconds join_step_timeout{10000};
  /// Partitions under way to or from one node at a time.
  std::uint32_t max_moves_per_node = 64;
  /// Where storage is durable: how long the copies of a member that went, and may come back with them, are not replaced
  /// by others. Until then entries of which there are two copies have one.
  std::chrono::milliseconds return_patience{20000};
  /// Event-loop threads of a node with its own.
  unsigned threads = 1;
  LogSink log{};
  /// Called once, on the node's scheduler, with a sentence, when its storage has failed: it serves nothing any more, as
  /// if it had crashed, and is to be destroyed. Outside of the call.
  std::function<void(std::string_view)> on_failure{};
};

struct NodeParts {
  Scheduler* scheduler = nullptr;
  Transport* transport = nullptr;
  Storage* storage = nullptr;
  const Partitioner* partitioner = nullptr;
  Membership* membership = nullptr;
};

struct MemberStatus {
  NodeId id{};
  std::string name{};
  Address address{};
  NodeState state = NodeState::active;
  /// The leader has heard of it within a lease. A node that holds none itself knows that of nobody.
  bool lease = false;
  std::uint32_t primary = 0;
  std::uint32_t backup = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

struct OperationStatus {
  std::string kind{};  ///< "join" or "leave"
  std::string node{};
  std::uint64_t done = 0;   ///< partitions moved
  std::uint64_t total = 0;  ///< partitions to move
  std::uint64_t bytes_done = 0;
  double seconds = 0;
};

struct NodeStatus {
  std::string name{};
  NodeId id{};
  Address address{};
  ClusterMapPtr map{};
  /// What this node would answer for as primary right now: fewer than the map gives it while a partition changes hands,
  /// none without a lease.
  std::vector<PartitionId> serving{};
  bool ready = false;
  std::uint32_t healthy = 0;
  std::uint32_t under_replicated = 0;
  std::uint32_t unserved = 0;
  std::uint32_t moving = 0;
  std::vector<MemberStatus> members{};
  std::vector<OperationStatus> operations{};
};

/// Where a listing of keys goes on; `KeyCursor{}` starts one.
struct KeyCursor {
  PartitionId partition = 0;
  ScanCursor scan = 0;
  bool at_end = false;
};

struct KeyPage {
  std::vector<std::string> keys{};
  KeyCursor next{};  ///< `at_end` where the listing is complete
};
using KeyPageHandler = Function<void(std::error_code, KeyPage)>;

class Node final : public Table {
 public:
  /// With its own threads, memory storage and TCP. Throws std::system_error where it cannot listen and
  /// std::invalid_argument where an option makes no sense.
  explicit Node(NodeOptions options = {});
  /// From parts; what is left null is made by the node (a TCP transport of its own then listens on `options.listen`).
  Node(NodeOptions options, NodeParts parts);
  ~Node() override;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Joins the cluster of the first peer that answers (or as `goal` says); `peers` as for `parse_peer_list`. Done when
  /// this node is a full member, partitions are even again and every member knows. The same call again attaches to the
  /// one under way. Errors: invalid_argument (the list), unreachable, conflict (a leave is under way, the name is
  /// taken), incompatible (settings, clock), stopped, not_applied (it broke off; this node serves its own table as
  /// before).
  void join(std::string_view peers, StatusHandler handler) { join(peers, JoinGoal::one_peer, std::move(handler)); }
  void join(std::string_view peers, JoinGoal goal, StatusHandler handler);
  /// Hands everything over and stands alone with a copy of what it was primary for; at once where it stands alone
  /// already. Errors: conflict (a join is under way), not_applied (no leader, or it broke off), stopped.
  void leave(StatusHandler handler);
  /// The same, by a process that is about to end: from this call on, whatever comes of it, the node joins no cluster
  /// (`join` fails with stopped) and lets nobody join it. May be repeated where it fails.
  void leave_for_good(StatusHandler handler);
  /// For a process that is about to end and comes back with what it has on disk: hands over the leadership and every
  /// partition that others can go on with, and stays a member. Done when they do; the node should end then. May be
  /// repeated. Errors: conflict (a join or leave is under way), not_applied (no leader), stopped.
  void step_aside(StatusHandler handler);
  /// Gives up the member called `name`, which must be down, on behalf of an operator who accepts the loss: what it
  /// alone held begins again with nothing, elsewhere. Done when every member knows. Errors: invalid_argument (no member
  /// has that name), conflict (it is not down, or has just come back), not_applied (no leader), stopped.
  void forget(std::string_view name, StatusHandler handler);
  /// Where a majority of the voters is gone for good: makes this node a cluster of one, on behalf of an operator, with
  /// the entries of which it has a copy; all else is for other survivors to bring, each recovered the same way and
  /// joined to this one. Errors: conflict (it holds a lease, so a majority lives; a join or leave is under way),
  /// stopped.
  void recover(StatusHandler handler);
  /// Blocking forms; throw std::system_error with the sentence.
  void join(std::string_view peers);
  void leave();

  const std::string& name() const noexcept;
  NodeId id() const noexcept;
  /// Where others reach this node; the port is the real one where `listen` gave 0.
  Address address() const;
  NodeStatus status() const;
  // Parts of the status that cost next to nothing.
  /// The newest map of this node's cluster.
  ClusterMapPtr map() const;
  /// Whether this node is an active member that holds its lease at this very moment.
  bool is_ready() const;
  /// Names of all members, this node's first, the others in order of name.
  std::vector<std::string> peers() const;
  /// Keys that this node is primary for, about `max_bytes` of them a page, in no particular order. Where the node is
  /// destroyed first, `handler` is dropped uncalled.
  void list_keys(KeyCursor from, std::size_t max_bytes, KeyPageHandler handler) const;

 private:
  class Impl;

  OperationId do_get(std::string_view key, const ReadOptions& options, GetHandler handler) override;
  OperationId do_write(const WriteRequest& request, const WriteOptions& options, WriteHandler handler) override;
  void do_cancel(OperationId operation) override;
  void do_expect(std::span<const std::string_view> keys) override;

  std::unique_ptr<Impl> impl_;
};

}  // namespace dht
