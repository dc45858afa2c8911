// What a node tells about itself and its cluster.

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "node/node_impl.h"

namespace dht {
namespace {

/// Lists keys page by page; a storage that completes later goes on from its completion.
struct Listing {
  std::shared_ptr<node::Session> session;
  KeyCursor at;
  std::size_t max_bytes = 0;
  std::size_t bytes = 0;
  KeyPage page;
  KeyPageHandler handler;
};

void list_on(std::shared_ptr<Listing> listing);

void add_chunk(Listing& listing, ScanChunk chunk) {
  for (ScannedEntry& scanned : chunk.entries) {
    listing.bytes += scanned.key.size();
    listing.page.keys.push_back(std::move(scanned.key));
  }
  listing.at.scan = chunk.next;
  if (chunk.next == kScanEnd) {
    listing.at.scan = 0;
    ++listing.at.partition;
  }
}

void list_on(std::shared_ptr<Listing> listing) {
  const std::uint32_t partitions = listing->session->map()->settings.partitions;
  while (listing->at.partition < partitions && listing->bytes < listing->max_bytes) {
    const PartitionId partition = listing->at.partition;
    if (!listing->session->is_primary(partition)) {
      listing->at = {.partition = partition + 1};
      continue;
    }
    bool inside = true;
    bool finished = false;
    auto state = std::make_shared<std::pair<bool*, bool*>>(&inside, &finished);
    listing->session->scan(partition, listing->at.scan, listing->max_bytes,
                           [listing, state](std::error_code error, ScanChunk chunk) {
                             if (error) {
                               listing->handler(error, {});
                               return;
                             }
                             add_chunk(*listing, std::move(chunk));
                             if (state->first != nullptr) {
                               *state->second = true;
                             } else {
                               list_on(listing);
                             }
                           });
    state->first = nullptr;
    if (!finished) return;
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
  list_on(std::move(listing));
}

NodeStatus Node::Impl::status() const {
  const MembershipView view = membership_->view();
  NodeStatus status;
  status.name = options_.name;
  status.id = id_;
  status.address = address_;
  status.map = current()->map();
  const ClusterMap& map = *status.map;

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
      member.lease = node.state != NodeState::down;
      continue;
    }
    member.lease = seen->alive;
    member.entries = seen->statistics.entries;
    member.bytes = seen->statistics.bytes;
  }
  // Of itself a node knows the present, not only what it last told the leader.
  if (const auto self_at = index.find(id_); self_at != index.end()) {
    const StorageStatistics own = current()->statistics();
    status.members[self_at->second].entries = own.entries;
    status.members[self_at->second].bytes = own.bytes;
  }
  for (const PartitionRecord& partition : map.partitions) {
    MemberStatus& primary = status.members[index.at(partition.primary)];
    ++primary.primary;
    for (const NodeId backup : partition.backups)
      ++status.members[index.at(backup)].backup;
    const bool served = primary.lease && primary.state != NodeState::down;
    if (!served) ++status.unserved;
    if (served && partition.learners.empty()) ++status.healthy;
    if (!partition.learners.empty()) ++status.moving;
  }
  const NodeRecord* self = map.find(id_);
  status.ready = self != nullptr && self->state == NodeState::active && view.in_contact &&
                 membership_->may_serve(parts_.scheduler->now());
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
