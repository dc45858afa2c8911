// Node::Impl: wires the parts of a node together and keeps its sessions.
//
// Thread rule: as dht/node.h. Membership's calls come on the strand (the scheduler), the transport's on its threads.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include <dht/node.h>

#include "cluster/keeper.h"
#include "node/copy_pacer.h"
#include "node/gated_scheduler.h"
#include "node/join_copy.h"
#include "node/memory_limit.h"
#include "node/operation_table.h"
#include "node/own_parts.h"
#include "node/session.h"
#include "node/storage_drops.h"

namespace dht {

class Node::Impl final : private MembershipClient, private TransportReceiver {
 public:
  Impl(NodeOptions options, NodeParts parts);
  ~Impl();

  const NodeOptions& options() const noexcept { return options_; }
  NodeId id() const noexcept { return id_; }
  const Address& address() const noexcept { return address_; }

  OperationId get(std::string_view key, const ReadOptions& options, GetHandler handler);
  OperationId write(const WriteRequest& request, const WriteOptions& options, WriteHandler handler);
  void cancel(OperationId id);
  void expect(std::span<const std::string_view> keys) { current()->expect(keys); }

  void join(std::string_view peers, JoinGoal goal, StatusHandler handler);
  void leave(StatusHandler handler);
  void leave_for_good(StatusHandler handler);
  void step_aside(StatusHandler handler);
  void forget(std::string name, StatusHandler handler);
  void recover(StatusHandler handler);
  NodeStatus status() const;
  ClusterMapPtr map() const { return current()->map(); }
  /// `map` is the present one.
  bool is_ready(const ClusterMap& map) const;
  void list_keys(KeyCursor from, std::size_t max_bytes, KeyPageHandler handler) const;

 private:
  using SessionPtr = std::shared_ptr<node::Session>;  // shared with the calls that run in it on other threads

  // MembershipClient
  void on_map(ClusterMapPtr map) override;
  void on_hand_over(PartitionId partition, Epoch epoch) override;
  NodeReport report() const override;
  void on_view(const MembershipView& view) override { memory_.set_view(view); }
  bool is_table_whole() const override { return current()->serves_all(); }
  void copy_into(ClusterMapPtr target, bool drop_copies, StatusHandler done) override;
  void on_target_map(ClusterMapPtr map) override;
  void finish_copy(StatusHandler done) override;
  void switch_to(ClusterMapPtr map) override;
  void abandon_join(Function<void()> done) override;
  void stand_alone(ClusterMapPtr alone, Kept kept, StatusHandler done) override;
  void on_standing_alone() override;
  void on_lease() override;

  // TransportReceiver
  void on_request(const LinkInfo& from, Frame frame) override;
  void on_reply(const Peer& peer, Lane lane, Frame frame) override;
  void on_broken(const Peer& peer, Lane lane, ConnectionId connection, std::error_code reason) override;
  void on_link_closed(const LinkInfo&) override {}
  void expect(ClusterId cluster, Lane lane, std::span<const Frame> frames) noexcept override;

  SessionPtr current() const;
  /// The session in that cluster; the present one where there is none.
  SessionPtr session_in(ClusterId cluster) const;
  node::SessionParts session_parts();
  std::error_code check_request(std::string_view key) const;
  /// False, and the operation stays the caller's, where the node is being stopped.
  bool add(node::OperationPtr& operation);
  void begin(const SessionPtr& session, node::OperationPtr operation);
  /// Ends what is over its deadline, and tries again what was put off. On the strand; comes again by itself.
  void keep_house();
  /// Something has been begun that may need it soon. From any thread.
  void wake_house();
  void found_kept(Kept kept, StatusHandler done);
  /// As a crash would, but that the process is there to say why.
  void on_storage_failed(const std::string& sentence);
  void forget_former();

  node::OwnParts own_;     ///< what was not injected
  const NodeParts parts_;  ///< all of them, own or injected
  const Address address_;
  const NodeOptions options_;
  const std::optional<cluster::Remembered> past_;
  const NodeId id_;
  node::GatedScheduler strand_;
  node::StorageDrops drops_;
  node::MemoryLimit memory_;
  node::OperationTable operations_;
  Function<void(OperationId)> route_here_;
  Function<void()> keep_house_soon_;
  node::CopyPacer copies_;
  Function<void()> copy_soon_;
  std::unique_ptr<Membership> own_membership_;
  Membership* const membership_;

  mutable std::mutex sessions_mutex_;
  SessionPtr session_;
  SessionPtr joining_;         ///< in the cluster that this node is joining
  SessionPtr former_;          ///< in the cluster that this node has left, until the operations begun there have ended
  bool needs_former_ = false;  ///< until what it holds is dropped; on the strand
  SessionPtr founding_;        ///< of this node alone, while it is filled with what the node keeps; on the strand

  std::unique_ptr<node::JoinCopy> copy_;
  std::unique_ptr<Scheduler::Timer> house_timer_;
  std::atomic<bool> has_failed_ = false;    ///< the storage: nothing is served any more
  std::atomic<bool> house_sleeps_ = false;  ///< it comes late, unless it is woken
  Instant next_sweep_{};
};

}  // namespace dht
