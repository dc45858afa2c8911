// What a node tells about itself and its cluster.

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "node/node_impl.h"

namespace dht {
namespace {

/// Collects one page of keys; owned by whoever goes on with it: the running call, or the handler of a scan.
struct Listing {
  std::weak_ptr<node::Session> session;  // whose scans own this
  KeyCursor at;
  std::size_t max_bytes = 0;
  std::size_t bytes = 0;
  KeyPage page;
  KeyPageHandler handler;
};

/// False where the listing ends with an error.
bool add_chunk(Listing& listing, StorageScanned scanned) {
  if (scanned.error) {
    listing.handler(scanned.error, {});
    return false;
  }
  for (ScannedEntry& entry : scanned.chunk.entries) {
    listing.bytes += entry.key.size();
    listing.page.keys.push_back(std::move(entry.key));
  }
  listing.at.scan = scanned.chunk.next;
  if (scanned.chunk.next == kScanEnd) listing.at = {.partition = listing.at.partition + 1};
  return true;
}

/// A session that is gone has no partitions any more.
void list_on(const std::shared_ptr<Listing>& listing) {
  const auto session = listing->session.lock();
  const std::uint32_t partitions = session ? session->map()->settings.partitions : 0;
  while (listing->at.partition < partitions && listing->bytes < listing->max_bytes) {
    StorageScanHandler later = [listing](StorageScanned scanned) {
      if (add_chunk(*listing, std::move(scanned))) list_on(listing);
    };
    auto scanned = session->scan(listing->at.partition, listing->at.scan, listing->max_bytes, later);
    if (!scanned || !add_chunk(*listing, std::move(*scanned))) return;
  }
  listing->page.next = listing->at;
  listing->page.next.at_end = listing->at.partition >= partitions;
  listing->handler({}, std::move(listing->page));
}

}  // namespace

void Node::Impl::list_keys(KeyCursor from, std::size_t max_bytes, KeyPageHandler handler) const {
  auto listing = std::make_shared<Listing>();
  listing->session = current();
  listing->at = from;
  listing->max_bytes = std::max<std::size_t>(max_bytes, 1);
  listing->handler = std::move(handler);
  list_on(listing);
}

bool Node::Impl::is_ready(const ClusterMap& map) const {
  const NodeRecord* self = map.find(id_);
  return self != nullptr && self->state == NodeState::active && membership_->may_serve(parts_.scheduler->now());
}

NodeStatus Node::Impl::status() const {
  const MembershipView view = membership_->view();
  NodeStatus status;
  status.name = options_.name;
  status.id = id_;
  status.address = address_;
  const SessionPtr session = current();
  status.map = session->map();
  status.serving = session->serving();
  const ClusterMap& map = *status.map;
  const bool is_informed = membership_->may_serve(parts_.scheduler->now());

  std::unordered_map<NodeId, std::size_t> index;
  for (const NodeRecord& node : map.nodes) {
    index[node.id] = status.members.size();
    MemberStatus& member = status.members.emplace_back();
    member.id = node.id;
    member.name = node.name;
    member.address = node.address;
    member.state = node.state;
    const auto seen = std::find_if(view.members.begin(), view.members.end(),
                                   [&](const MemberView& other) { return other.node == node.id; });
    if (seen == view.members.end()) {
      // It came in after the leader last told of the members, so the leader has heard of it since.
      member.lease = is_informed && node.state != NodeState::down;
      continue;
    }
    member.lease = is_informed && seen->alive;
    member.entries = seen->statistics.entries;
    member.bytes = seen->statistics.bytes;
  }
  // Of itself a node knows the present, not only what it last told the leader.
  if (const auto self_at = index.find(id_); self_at != index.end()) {
    const StorageStatistics own = session->statistics();
    status.members[self_at->second].entries = own.entries;
    status.members[self_at->second].bytes = own.bytes;
  }
  const auto can_hold = static_cast<std::size_t>(
      std::count_if(status.members.begin(), status.members.end(),
                    [](const MemberStatus& member) { return member.state == NodeState::active && member.lease; }));
  const std::size_t wanted = std::min<std::size_t>(map.settings.replicas, std::max<std::size_t>(can_hold, 1));
  for (const PartitionRecord& partition : map.partitions) {
    MemberStatus& primary = status.members[index.at(partition.primary)];
    ++primary.primary;
    for (const NodeId backup : partition.backups)
      ++status.members[index.at(backup)].backup;
    const bool served = primary.lease && primary.state != NodeState::down;
    if (!served) ++status.unserved;
    const bool is_short = partition.backups.size() + 1 < wanted;
    if (served && is_short) ++status.under_replicated;
    if (served && !is_short && partition.learners.empty()) ++status.healthy;
    if (!partition.learners.empty()) ++status.moving;
  }
  status.ready = is_ready(map);
  for (const OperationView& operation : view.operations) {
    status.operations.push_back({.kind = operation.is_join ? "join" : "leave",
                                 .node = operation.name,
                                 .done = operation.done,
                                 .total = operation.total,
                                 .bytes_done = operation.bytes_done,
                                 .seconds = std::chrono::duration<double>(operation.age).count()});
  }
  return status;
}

}  // namespace dht
