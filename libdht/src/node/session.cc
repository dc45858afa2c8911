#include "node/session.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"

namespace dht::node {
namespace {

/// Copies end one after the other. Each change of the map costs every node some work, so those of a moment share one.
constexpr Duration kLearnersTogether = std::chrono::milliseconds(10);

/// Of all partitions together; kept where the storage is durable, for nodes that were restarted.
constexpr std::size_t kHistoryBytes = 32 * 1024 * 1024;

}  // namespace

Session::Session(const SessionParts& parts, ClusterMapPtr map)
    : parts_(parts),
      cluster_(map->cluster),
      partitions_(map->settings.partitions),
      slots_(std::make_unique<Slot[]>(map->settings.partitions)),
      map_(std::move(map)) {
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    slots_[partition].primary = map_->partitions[partition].primary;
    slots_[partition].revision = map_->revision;
  }
}

/// A storage is closed without its slot's lock, since that may wait for a completion that is about to enter here.
Session::~Session() {
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    std::unique_ptr<replica::Replica> closing;
    std::lock_guard lock(slots_[partition].mutex);
    closing = std::move(slots_[partition].replica);
  }
}

ClusterMapPtr Session::map() const {
  std::lock_guard lock(map_mutex_);
  return map_;
}

PartitionId Session::partition_of(std::string_view key) const noexcept {
  return parts_.partitioner->partition_of(key, partitions_);
}

bool Session::serves(const Slot& slot) const {
  return slot.replica && slot.replica->is_serving() && !paused_ &&
         parts_.membership->may_serve(parts_.scheduler->now());
}

std::unique_ptr<replica::Replica> Session::make_replica(PartitionId partition) {
  replica::ReplicaOptions options;
  options.history_bytes = kHistoryBytes / partitions_;
  return std::make_unique<replica::Replica>(partition, parts_.storage->open(cluster_, partition), *this, options);
}

Peer Session::peer_of(NodeId node) const {
  const ClusterMapPtr map = this->map();
  const NodeRecord* record = map->find(node);
  return record == nullptr ? Peer{} : Peer{record->address, cluster_, node};
}

bool Session::is_noted_out_of_reach(NodeId node) const {
  std::lock_guard lock(mutex_);
  return out_of_reach_.contains(node);
}

void Session::note_out_of_reach(NodeId node) {
  std::lock_guard lock(mutex_);
  out_of_reach_.insert(node);
  has_out_of_reach_ = true;
}

void Session::send_pieces(Slot& slot, replica::Effects& effects) {
  if (!effects.chunk_asks.empty()) queue_chunks(std::exchange(effects.chunk_asks, {}));
  if (!effects.pieces.empty()) watch_followers();
  // A refused send breaks the stream, and what is then sent to others is an effect again; each round breaks those to at
  // least one node, so it ends.
  while (!effects.pieces.empty()) {
    const std::vector<replica::Effects::Piece> pieces = std::exchange(effects.pieces, {});
    std::set<NodeId> lost;
    for (const auto& [follower, piece] : pieces) {
      if (lost.contains(follower)) continue;
      const Peer peer = peer_of(follower);
      const std::string_view payload = wire::encode_briefly(piece);
      const Frame frame{static_cast<std::uint16_t>(wire::MessageType::stream_piece), payload};
      if (!peer.node || parts_.transport->send(peer, Lane::replication, frame).error) lost.insert(follower);
    }
    for (const NodeId follower : lost)
      slot.replica->on_follower_unreachable(follower, effects);
  }
}

void Session::watch_followers() {
  if (!awaits_followers_ && !awaits_followers_.exchange(true)) (*parts_.keep_house)();
}

void Session::send_ack(LinkId link, const wire::StreamAck& ack) {
  // A link that is gone takes no acknowledgement; its closing tells the primary.
  const std::string_view payload = wire::encode_briefly(ack);
  static_cast<void>(
      parts_.transport->reply(link, {static_cast<std::uint16_t>(wire::MessageType::stream_ack), payload}));
}

void Session::answer(replica::Effects& effects) {
  for (auto& read : effects.reads)
    read.handler(read.outcome.error, std::move(read.outcome.entry));
  for (auto& write : effects.writes)
    write.handler(write.outcome.error, write.outcome.result);
  for (auto& done : effects.done)
    done.handler(done.error);
  for (auto& scan : effects.scans)
    scan.handler(std::move(scan.scanned));
  if (effects.report_changed) {
    parts_.membership->report_within(Duration::zero());
  } else if (effects.learner_is_level) {
    parts_.membership->report_within(kLearnersTogether);
  }
}

void Session::reenter(PartitionId partition, replica::Step step) {
  replica::Effects effects;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    if (!slot.replica) return;
    step(*slot.replica, effects);
    if (effects.ack) send_ack(slot.stream_link, *std::exchange(effects.ack, std::nullopt));
    send_pieces(slot, effects);
  }
  finish(partition, effects);
}

void Session::finish(PartitionId partition, replica::Effects& effects) {
  answer(effects);
  if (effects.opened) let_go_on(partition);
}

std::optional<StorageScanned> Session::scan(PartitionId partition, ScanCursor from, std::size_t max_bytes,
                                            StorageScanHandler& handler) {
  replica::Effects effects;
  std::optional<StorageScanned> scanned;
  {
    Slot& slot = this->slot(partition);
    std::lock_guard lock(slot.mutex);
    if (!slot.replica) return StorageScanned{};
    const ScanId id = ++last_scan_;
    StorageScanHandler later = [this, id](StorageScanned late) { end_scan(id, std::move(late)); };
    scanned = slot.replica->scan(from, max_bytes, later, effects);
    if (!scanned) {
      std::lock_guard scans_lock(mutex_);
      scans_.emplace(id, std::move(handler));
    }
    send_pieces(slot, effects);
  }
  answer(effects);
  return scanned;
}

void Session::end_scan(ScanId id, StorageScanned scanned) {
  StorageScanHandler handler;
  {
    std::lock_guard lock(mutex_);
    auto found = scans_.extract(id);
    if (found.empty()) return;
    handler = std::move(found.mapped());
  }
  parts_.scheduler->post(
      [handler = std::move(handler), scanned = std::move(scanned)]() mutable { handler(std::move(scanned)); });
}

void Session::peek(std::string_view key, GetHandler handler) {
  replica::Effects effects;
  {
    Slot& slot = this->slot(partition_of(key));
    std::lock_guard lock(slot.mutex);
    DHT_ASSERT(slot.replica && slot.replica->is_serving());
    if (auto outcome = slot.replica->get(key, handler, effects)) {
      effects.reads.push_back({std::move(handler), std::move(*outcome)});
    }
    send_pieces(slot, effects);
  }
  answer(effects);
}

Version Session::last_version(PartitionId partition) const {
  const Slot& slot = slots_[partition];
  std::lock_guard lock(slot.mutex);
  return slot.replica ? slot.replica->last_version() : 0;
}

void Session::note_written_keys(bool note) {
  std::lock_guard lock(mutex_);
  noting_ = note;
  written_keys_.clear();
}

void Session::note_written(Slot& slot, std::string_view key, replica::Effects& effects) {
  if (!noting_) return;
  GetHandler note = [this, owned_key = std::string(key)](std::error_code, std::optional<Entry> before) {
    std::lock_guard lock(mutex_);
    written_keys_.try_emplace(owned_key, before ? before->version : 0);
  };
  // Where the storage completes later the read comes before the write that follows it, in the order of the key's queue.
  if (auto outcome = slot.replica->get(key, note, effects)) note(outcome->error, std::move(outcome->entry));
}

bool Session::has_room(PartitionId partition, const WriteRequest& request) const {
  if (request.kind != WriteRequest::Kind::put) return true;
  if (!parts_.memory->fits_here(request)) return false;
  return !parts_.memory->has_full_members() || !parts_.memory->is_one_full(map()->partitions[partition].backups);
}

Session::WrittenKeys Session::take_written_keys() {
  std::lock_guard lock(mutex_);
  return std::exchange(written_keys_, {});
}

std::size_t Session::written_keys() const {
  std::lock_guard lock(mutex_);
  return written_keys_.size();
}

void Session::mark_copy(std::string_view key, Version version, ClusterId cluster) {
  replica::Effects effects;
  {
    Slot& slot = this->slot(partition_of(key));
    std::lock_guard lock(slot.mutex);
    if (!slot.replica || !slot.replica->is_serving()) return;
    slot.replica->mark_copy(key, version, cluster, effects);
    send_pieces(slot, effects);
  }
  answer(effects);
}

void Session::note_copies_of(ClusterId cluster) {
  std::lock_guard lock(mutex_);
  copies_of_.insert(cluster);
}

void Session::log(LogLevel level, std::string_view line) const {
  if (*parts_.log) (*parts_.log)(level, line);
}

}  // namespace dht::node
