#include "net/peer_table.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/assert.h"
#include "net/backoff.h"
#include "wire/frame.h"

namespace dht::net {

PeerTable::PeerTable(std::shared_ptr<Environment> environment, std::vector<asio::io_context*> loops)
    : environment_(std::move(environment)), loops_(std::move(loops)) {
  DHT_ASSERT(!loops_.empty());
}

std::size_t PeerTable::KeyHash::operator()(const Key& key) const noexcept {
  // The ids are random already; the address matters where there are none.
  std::uint64_t hash = key.peer.node.value ^ (key.peer.cluster.value * 0x9E3779B97F4A7C15u) ^ key.peer.address.port;
  if (!key.peer.node) hash ^= std::hash<std::string>{}(key.peer.address.host);
  return static_cast<std::size_t>(hash * kLanes + static_cast<std::size_t>(key.lane));
}

Sent PeerTable::send(const Peer& peer, Lane lane, Frame frame) {
  DHT_ASSERT(frame.type < wire::kFirstTransportType);
  if (frame.payload.size() > kMaxFramePayload) return {.error = Errc::too_large};
  const Key key{peer, lane};
  for (;;) {
    std::error_code error;
    ConnectionPtr connection = find(key);
    if (!connection) connection = find_or_open(key, error);
    if (!connection) return {.error = error};
    switch (connection->enqueue(frame, lane)) {
      case Connection::Queued::yes:
        return {.connection = connection->target().id};
      case Connection::Queued::overloaded:
        return {.error = Errc::overloaded};
      case Connection::Queued::retired:
        break;  // it ended between the two steps: the next look finds another
    }
  }
}

/// The usual case, without shutting out other senders.
PeerTable::ConnectionPtr PeerTable::find(const Key& key) const {
  std::shared_lock lock(mutex_);
  const auto found = slots_.find(key);
  return found == slots_.end() ? nullptr : found->second.connection;
}

PeerTable::ConnectionPtr PeerTable::find_or_open(const Key& key, std::error_code& error) {
  std::lock_guard lock(mutex_);
  if (stopped_ || !environment_->gate().is_open()) {
    error = Errc::stopped;
    return nullptr;
  }
  Slot& slot = slots_[key];
  if (slot.connection) return slot.connection;
  // A guest introduces itself seldom, and because somebody asked for it just now: it does not wait.
  if (!key.peer.is_guest() && Clock::now() < slot.not_before) {
    error = Errc::unreachable;
    return nullptr;
  }
  slot.connection = make_connection(key, slot);
  slot.connection->start();
  return slot.connection;
}

PeerTable::ConnectionPtr PeerTable::make_connection(const Key& key, const Slot& slot) {
  // What comes on the control lane is taken in by one thread, most often that of the first loop, whatever it comes on.
  asio::io_context& loop = key.lane == Lane::control ? *loops_.front() : *loops_[next_loop_++ % loops_.size()];
  const OpenedConnection::Target target{
      .id = ++last_id_, .peer = key.peer, .lane = key.lane, .was_failing = slot.failures != 0};
  return std::make_shared<OpenedConnection>(
      environment_, loop.get_executor(), target,
      [self = shared_from_this()](OpenedConnection& ended, std::error_code reason) { self->ended(ended, reason); });
}

void PeerTable::ended(OpenedConnection& connection, std::error_code reason) {
  const OpenedConnection::Target& target = connection.target();
  {
    std::lock_guard lock(mutex_);
    // Retired before its end is told, so that no frame is accepted after that; both under the lock, so that senders
    // who find it retired find the slot empty.
    connection.retire();
    const auto found = slots_.find({target.peer, target.lane});
    if (found == slots_.end()) return;  // stopped
    DHT_ASSERT(found->second.connection.get() == &connection);
    set_backoff(found->second, connection);
    found->second.connection.reset();
    forget_idle_slots();
  }
  const ReceiverGate::Pass pass(environment_->gate());
  if (pass) pass.receiver().on_broken(target.peer, target.lane, target.id, reason);
}

void PeerTable::set_backoff(Slot& slot, const OpenedConnection& ended) {
  const TcpTransportOptions& options = environment_->options();
  if (ended.opened_at()) {
    // It worked; but one that breaks again and again right after its start is not to be opened without pause.
    slot.failures = 0;
    slot.not_before = *ended.opened_at() + options.backoff_min;
  } else {
    ++slot.failures;
    slot.not_before = Clock::now() + backoff_delay(slot.failures, options.backoff_min, options.backoff_max, jitter_());
  }
}

void PeerTable::forget_idle_slots() {
  const auto now = Clock::now();
  std::erase_if(slots_, [&](const auto& item) {
    const Slot& slot = item.second;
    return !slot.connection && slot.not_before + environment_->options().backoff_max < now;
  });
}

void PeerTable::disconnect(const Peer& peer) {
  for (const Lane lane : {Lane::control, Lane::request, Lane::replication}) {
    if (const ConnectionPtr connection = find({peer, lane})) connection->close_after_flush();
  }
}

void PeerTable::stop() {
  std::unordered_map<Key, Slot, KeyHash> severed;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    severed.swap(slots_);
  }
  for (auto& [key, slot] : severed) {
    if (slot.connection) slot.connection->sever();
  }
}

}  // namespace dht::net
