// Member: what every part of cluster membership shares: who this node is, the newest map of its cluster, and how to ask
// the leader.
//
// Thread rule: one strand, except `map`, `view` and `set_view`, which may be called from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/log.h>
#include <dht/membership.h>
#include <dht/scheduler.h>
#include <dht/storage.h>
#include <dht/transport.h>

#include "cluster/calls.h"
#include "cluster/keeper.h"

namespace dht::cluster {

struct MemberOptions {
  NodeId id{};
  std::string name{};
  Address address{};
  /// Whether others can be told the address. A node that listens on a wildcard has nothing to tell, and stays alone.
  bool is_reachable = true;
  /// What this node was told; empty where it takes a cluster's settings as they are.
  std::optional<std::uint32_t> partitions{};
  std::optional<std::uint32_t> replicas{};
  std::optional<std::uint32_t> lease_ms{};
  Duration step_timeout{};  ///< for one step of a join or leave
  std::uint32_t max_moves_per_node = 64;
  Duration return_patience{};  ///< see LeaderOptions
  LogSink log{};
  /// Where it remembers itself over a restart; null: nowhere. Outlives it.
  Storage* storage = nullptr;
  /// What a former run of the node has left there.
  std::optional<Remembered> past{};
};

/// Whether `map` is a later map of the same cluster. One with other settings is none, whatever it says: those are
/// fixed.
bool is_newer(const ClusterMap& map, const ClusterMap& than) noexcept;

/// What the leader tells, as the membership contract shows it.
MembershipView make_view(const std::vector<wire::MemberReport>& members,
                         const std::vector<wire::OperationReport>& operations);

class Member {
 public:
  Member(MemberOptions options, Scheduler& scheduler, Transport& transport);
  ~Member();

  const MemberOptions& options() const noexcept { return options_; }
  NodeId id() const noexcept { return options_.id; }
  Scheduler& scheduler() noexcept { return scheduler_; }
  Transport& transport() noexcept { return transport_; }
  Calls& calls() noexcept { return calls_; }
  Keeper& keeper() noexcept { return keeper_; }

  /// Of this run of the node's process: no other one has it. Not zero.
  std::uint64_t boot() const noexcept { return boot_; }
  /// Whether the node goes on with what a former run of its process has left.
  bool has_past() const noexcept { return options_.past.has_value(); }
  /// `map` names the node leader as which its former run was elected: it leads again once it has been elected anew.
  bool has_outlived(const ClusterMap& map) const;

  void set_client(MembershipClient& client) noexcept { client_ = &client; }
  MembershipClient& client() noexcept { return *client_; }

  ClusterMapPtr map() const;
  /// The length of a lease in the present cluster.
  Duration lease() const;
  /// Takes a newer map of the same cluster over and passes it to the client. Where it is without this node, which did
  /// not ask for that, the node has been forgotten: `on_forgotten` is called instead. False where the map is not newer,
  /// or another cluster's.
  bool adopt(const ClusterMapPtr& map);
  /// Called when a map has been adopted, and when one comes that has forgotten this node.
  void set_followers(Function<void()> on_adopted, Function<void()> on_forgotten);
  /// The node has asked to be let go.
  void expect_removal(bool expected) noexcept { expects_removal_ = expected; }
  /// The node belongs to another cluster from now on; the client knows.
  void become(const ClusterMapPtr& map);

  /// The cluster that lists this node as joining, by its newest known map; null where there is none.
  const ClusterMapPtr& target() const noexcept { return target_; }
  void set_target(ClusterMapPtr map) { target_ = std::move(map); }

  MembershipView view() const;
  void set_view(MembershipView view);

  /// A call of this node, with its record filled in.
  wire::Call make_call(wire::CallKind kind) const;
  /// The peer that `node` is in `map`; empty where it is no member there.
  Peer peer_of(const ClusterMap& map, NodeId node) const;
  /// A node says that it is reached there. It is taken at its word until a map says something new of it: where many
  /// were restarted at other addresses, they find each other so before there is a leader to change the map.
  void note_address(NodeId node, const Address& address);

  /// Asks the leader of the cluster of `map`, and again (another one, if the leadership has moved) after a pause while
  /// it answers "later" or cannot be reached; gives up when it has heard nothing of a leader for `patience`. `handler`
  /// gets the final answer; the newest map seen comes in it. Calls to the own leader go through `ask_self`.
  using AnswerHandler = Function<void(wire::Answer)>;
  void ask_leader(ClusterMapPtr map, wire::Call call, Duration patience, AnswerHandler handler);
  /// Asks whoever is at the address of some other member of that cluster for the newest map. `handler` gets the map of
  /// the cluster that is there, or null; it is not called where there is nobody to ask.
  void ask_bystander(const ClusterMap& map, Function<void(ClusterMapPtr)> handler);
  /// How calls of this node to itself are answered, while it leads.
  void set_ask_self(Function<void(wire::Call, AnswerHandler)> ask_self) { ask_self_ = std::move(ask_self); }

  /// The leader of that cluster, which this node follows or joins, has just answered.
  void note_leader_heard(ClusterId cluster) { heard_[cluster] = scheduler_.now(); }
  /// When it last did; the beginning of time where it never has.
  Instant leader_heard(ClusterId cluster) const;

  /// A random duration between half of `about` and one and a half of it.
  Duration jittered(Duration about);
  /// Runs `task` later, unless the member is destroyed or stopped before.
  void later(Duration delay, Function<void()> task);
  void log(LogLevel level, std::string_view line) const;
  /// Ends every call and forgets every delayed task.
  void stop();

 private:
  struct Question;
  void ask(std::shared_ptr<Question> question);
  ClusterMapPtr newest_of(const ClusterMapPtr& known) const;
  void on_word(std::shared_ptr<Question> question, std::error_code error, wire::Answer answer);

  const MemberOptions options_;
  Scheduler& scheduler_;
  Transport& transport_;
  Calls calls_;
  Keeper keeper_;
  const std::uint64_t boot_;
  MembershipClient* client_ = nullptr;
  Function<void(wire::Call, AnswerHandler)> ask_self_;
  Function<void()> on_adopted_;
  Function<void()> on_forgotten_;
  bool expects_removal_ = false;
  ClusterMapPtr target_;
  std::map<ClusterId, Instant> heard_;
  struct Whereabouts {
    Address address{};
    Address before{};  ///< by the map
  };
  std::map<NodeId, Whereabouts> whereabouts_;
  std::uint64_t last_task_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Scheduler::Timer>> delayed_;

  mutable std::mutex mutex_;
  ClusterMapPtr map_;
  MembershipView view_;
};

}  // namespace dht::cluster
