#include "node/node_impl.h"

#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "base/assert.h"
#include "base/random_id.h"
#include "cluster/admission.h"
#include "cluster/cluster_membership.h"

namespace dht {
namespace {

void check_options(const NodeOptions& options, const std::string& name) {
  if (!is_valid_name(name)) {
    throw std::invalid_argument(fmt::format(
        "\"{}\" cannot be a node's name: 1 to {} bytes, no control characters, no comma, no colon or blank at the ends",
        name, kMaxNameBytes));
  }
  if (options.partitions && !is_valid_partition_count(*options.partitions)) {
    throw std::invalid_argument(
        fmt::format("{} partitions are not possible: a power of two from 1 to {}", *options.partitions, kHashSlots));
  }
  const auto lease = options.lease.value_or(std::chrono::milliseconds(kShortestLeaseMs));
  if (lease < std::chrono::milliseconds(kShortestLeaseMs) || lease > std::chrono::milliseconds(kLongestLeaseMs)) {
    throw std::invalid_argument(
        fmt::format("a lease of {} ms is not possible: {} to {} ms", lease.count(), kShortestLeaseMs, kLongestLeaseMs));
  }
  const std::uint32_t replicas = options.replicas.value_or(kDefaultReplicas);
  if (replicas == 0 || replicas > kMostReplicas) {
    throw std::invalid_argument(fmt::format("{} copies are not possible: 1 to {}", replicas, kMostReplicas));
  }
}

NodeOptions completed(NodeOptions options, const Address& address) {
  if (options.name.empty()) options.name = to_string(address);
  check_options(options, options.name);
  return options;
}

std::optional<std::uint32_t> lease_ms(const NodeOptions& options) {
  if (!options.lease) return std::nullopt;
  return static_cast<std::uint32_t>(options.lease->count());
}

/// What a former run of this node has left; nothing where the node is new.
std::optional<cluster::Remembered> recall(const Storage& storage, const NodeOptions& options) {
  auto past = cluster::recall(storage);
  if (!past) return past;
  const auto conflict =
      cluster::find_conflict(options.partitions, options.replicas, lease_ms(options), past->map->settings);
  if (conflict) {
    throw std::invalid_argument(fmt::format(
        "this node was told {} {}, but what it has stored belongs to a cluster that was founded with {}, which "
        "is fixed; nothing was changed. Leave the setting out, or start with an empty directory",
        conflict->told, conflict->what, conflict->founded));
  }
  if (options.id && options.id != past->id) {
    throw std::invalid_argument(
        fmt::format("this node was told to be {}, but what is stored is {}'s; nothing was changed",
                    to_string(options.id), to_string(past->id)));
  }
  return past;
}

NodeId choose_id(const NodeOptions& options, const std::optional<cluster::Remembered>& past, Scheduler& scheduler) {
  if (past) return past->id;
  return options.id ? options.id : base::random_id<NodeId>(scheduler);
}

cluster::MemberOptions member_options(const NodeOptions& options, NodeId id, const Address& address, Storage& storage,
                                      const std::optional<cluster::Remembered>& past) {
  return {.id = id,
          .name = options.name,
          .address = address,
          .is_reachable = !node::is_wildcard(address),
          .partitions = options.partitions,
          .replicas = options.replicas,
          .lease_ms = lease_ms(options),
          .step_timeout = options.join_step_timeout,
          .max_moves_per_node = options.max_moves_per_node,
          .return_patience = options.return_patience,
          .log = options.log,
          .storage = &storage,
          .past = past};
}

}  // namespace

Node::Impl::Impl(NodeOptions options, NodeParts given)
    : own_(options, given),
      parts_(own_.parts(given)),
      address_(own_.advertised(options)),
      options_(completed(std::move(options), address_)),
      past_(parts_.membership != nullptr ? std::nullopt : recall(*parts_.storage, options_)),
      id_(choose_id(options_, past_, *parts_.scheduler)),
      strand_(*parts_.scheduler),
      drops_(*parts_.storage, strand_),
      memory_(options_.max_memory_bytes, options_.max_value_bytes, *parts_.storage),
      route_here_([this](OperationId id) { current()->route(id); }),
      keep_house_soon_([this] { wake_house(); }),
      copies_(strand_, [this] { return current()->give_chunk(); }),
      copy_soon_([this] { copies_.wake(); }),
      own_membership_(
          parts_.membership != nullptr
              ? nullptr
              : cluster::make_cluster_membership(member_options(options_, id_, address_, *parts_.storage, past_),
                                                 strand_, *parts_.transport)),
      membership_(parts_.membership != nullptr ? parts_.membership : own_membership_.get()) {
  const ClusterMapPtr map = membership_->map();
  session_ = std::make_shared<node::Session>(session_parts(), map);
  past_ ? session_->restore() : session_->found();
  parts_.transport->start({id_, map->cluster, address_}, *this);
  membership_->start(*this);
  strand_.post([this] { keep_house(); });
  parts_.storage->on_failure([this](std::string sentence) {
    has_failed_ = true;
    strand_.post([this, sentence = std::move(sentence)] { on_storage_failed(sentence); });
  });
  own_.start();
}

Node::Impl::~Impl() {
  parts_.storage->on_failure(nullptr);
  own_.stop();
  strand_.close();
  parts_.transport->stop();
  membership_->stop();
  for (const node::OperationPtr& operation : operations_.take_all(true)) {
    operation->fail(operation->given_up(Errc::stopped));
  }
}

node::SessionParts Node::Impl::session_parts() {
  return {.self = id_,
          .scheduler = &strand_,
          .transport = parts_.transport,
          .storage = parts_.storage,
          .drops = &drops_,
          .partitioner = parts_.partitioner,
          .membership = membership_,
          .operations = &operations_,
          .memory = &memory_,
          .log = &options_.log,
          .route_elsewhere = &route_here_,
          .keep_house = &keep_house_soon_,
          .copy_soon = &copy_soon_};
}

Node::Impl::SessionPtr Node::Impl::current() const {
  std::lock_guard lock(sessions_mutex_);
  return session_;
}

Node::Impl::SessionPtr Node::Impl::session_in(ClusterId cluster) const {
  std::lock_guard lock(sessions_mutex_);
  for (const SessionPtr& session : {session_, joining_, former_}) {
    if (session && session->cluster() == cluster) return session;
  }
  return session_;
}

// Membership.

void Node::Impl::join(std::string_view peers, JoinGoal goal, StatusHandler handler) {
  std::string bad_item;
  auto list = parse_peer_list(peers, &bad_item);
  if (!list || list->empty()) {
    const std::string reason =
        list ? std::string("the list of peers is empty")
             : fmt::format("\"{}\" in the list of peers is neither HOST:PORT nor NAME:HOST:PORT", bad_item);
    return handler({Errc::invalid_argument, reason + "; nothing was changed"});
  }
  if (node::is_wildcard(address_)) {
    return handler({Errc::invalid_argument,
                    fmt::format("this node listens on {} and so cannot tell others where to reach it; start it with an "
                                "address to advertise; nothing was changed",
                                to_string(address_))});
  }
  membership_->join(std::move(*list), goal, std::move(handler));
}

void Node::Impl::leave(StatusHandler handler) { membership_->leave(std::move(handler)); }

void Node::Impl::leave_for_good(StatusHandler handler) { membership_->leave_for_good(std::move(handler)); }

void Node::Impl::step_aside(StatusHandler handler) { membership_->step_aside(std::move(handler)); }

void Node::Impl::forget(std::string name, StatusHandler handler) {
  membership_->forget(std::move(name), std::move(handler));
}

void Node::Impl::recover(StatusHandler handler) { membership_->recover(std::move(handler)); }

void Node::Impl::on_map(ClusterMapPtr map) {
  const SessionPtr session = current();
  if (session->cluster() == map->cluster) session->adopt(std::move(map));
  wake_house();
}

void Node::Impl::on_hand_over(PartitionId partition, Epoch epoch) { current()->hand_over(partition, epoch); }

NodeReport Node::Impl::report() const { return current()->report(); }

void Node::Impl::copy_into(ClusterMapPtr target, bool drop_copies, StatusHandler done) {
  auto joining = std::make_shared<node::Session>(session_parts(), std::move(target));
  {
    std::lock_guard lock(sessions_mutex_);
    joining_ = joining;
  }
  wake_house();
  copy_ = std::make_unique<node::JoinCopy>(strand_, operations_, *current(), *joining, drop_copies,
                                           options_.join_step_timeout);
  copy_->start(std::move(done));
}

void Node::Impl::on_target_map(ClusterMapPtr map) {
  if (joining_) joining_->adopt(std::move(map));
}

void Node::Impl::finish_copy(StatusHandler done) {
  current()->pause();
  copy_->finish(std::move(done));
}

void Node::Impl::switch_to(ClusterMapPtr map) {
  DHT_ASSERT(joining_ && joining_->cluster() == map->cluster);
  joining_->adopt(std::move(map));
  copy_.reset();
  SessionPtr own;
  SessionPtr earlier;  // in the cluster that the node left and has come back to
  {
    std::lock_guard lock(sessions_mutex_);
    own = std::exchange(session_, std::exchange(joining_, nullptr));
    if (former_ && former_->cluster() == session_->cluster()) earlier = std::exchange(former_, nullptr);
  }
  own->retire();
  if (earlier) earlier->retire();
  membership_->report_within(Duration::zero());  // partitions come once the leader knows that this node knows
}

void Node::Impl::abandon_join(Function<void()> done) {
  current()->resume();
  copy_->undo([this, done = std::move(done)]() mutable {
    copy_.reset();
    SessionPtr given_up;
    {
      std::lock_guard lock(sessions_mutex_);
      given_up = std::exchange(joining_, nullptr);
    }
    // Its batches are not for the node's own table, where retiring would send them.
    for (const node::OperationPtr& operation : operations_.take_in(given_up->cluster()))
      operation->fail(Errc::not_applied);
    given_up->retire();
    done();
  });
}

void Node::Impl::stand_alone(ClusterMapPtr alone, Kept kept, StatusHandler done) {
  founding_ = std::make_shared<node::Session>(session_parts(), std::move(alone));
  current()->drain(kept, [this, kept, done = std::move(done)]() mutable { found_kept(kept, std::move(done)); });
}

void Node::Impl::found_kept(Kept kept, StatusHandler done) {
  founding_->found_from(*current(), kept, [this, done = std::move(done)](std::error_code error) mutable {
    SessionPtr left;
    SessionPtr earlier;  // closed without the lock
    {
      std::lock_guard lock(sessions_mutex_);
      left = std::exchange(session_, std::exchange(founding_, nullptr));
      earlier = std::exchange(former_, left);
    }
    needs_former_ = parts_.storage->is_durable();
    left->detach();
    wake_house();
    done({error, error ? "the node stands alone, but its copy of the entries is incomplete" : ""});
  });
}

void Node::Impl::on_standing_alone() {
  if (std::exchange(needs_former_, false)) former_->drop_all_kept();
}

void Node::Impl::on_lease() { current()->wake(); }

void Node::Impl::on_storage_failed(const std::string& sentence) {
  membership_->fall_silent();
  for (const node::OperationPtr& operation : operations_.take_all(false))
    operation->fail(operation->given_up(Errc::not_applied));
  if (options_.log) {
    options_.log(
        LogLevel::error,
        fmt::format("the storage has failed: {}. This node serves nothing any more; others take over what they "
                    "have a copy of",
                    sentence));
  }
  if (options_.on_failure) options_.on_failure(sentence);
}

void Node::Impl::forget_former() {
  SessionPtr former;
  std::lock_guard lock(sessions_mutex_);
  former.swap(former_);
}

// The transport.

void Node::Impl::on_request(const LinkInfo& from, Frame frame) {
  if (from.lane == Lane::control) {
    strand_.post([this, from, type = frame.type, payload = std::string(frame.payload)]() mutable {
      membership_->on_request(from, type, std::move(payload));
    });
    return;
  }
  const SessionPtr session = current();
  if (session->cluster() == from.cluster) {
    session->on_request(from, frame);
  } else {
    session->refuse_stranger(from, frame);
  }
}

void Node::Impl::on_reply(const Peer& peer, Lane lane, Frame frame) {
  if (lane == Lane::control) {
    strand_.post([this, peer, type = frame.type, payload = std::string(frame.payload)]() mutable {
      membership_->on_reply(peer, type, std::move(payload));
    });
    return;
  }
  session_in(peer.cluster)->on_reply(peer, lane, frame);
}

void Node::Impl::on_broken(const Peer& peer, Lane lane, ConnectionId connection, std::error_code reason) {
  if (lane == Lane::control) {
    strand_.post([this, peer, connection, reason] { membership_->on_broken(peer, connection, reason); });
    return;
  }
  session_in(peer.cluster)->on_broken(peer, lane, connection, reason);
}

void Node::Impl::expect(ClusterId cluster, Lane lane, std::span<const Frame> frames) noexcept {
  if (lane != Lane::control) session_in(cluster)->expect_frames(frames);
}

}  // namespace dht
