#include "cluster/map_change.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "cluster/voters.h"

namespace dht::cluster {

namespace {

auto is_learner(NodeId node) {
  return [node](const LearnerRecord& learner) { return learner.node == node; };
}

bool has_role(const PartitionRecord& partition, NodeId node) {
  return partition.is_held_by(node) || partition.has_learner(node);
}

}  // namespace

MapChange::MapChange(const ClusterMap& base) : map_(base) { ++map_.revision; }

void MapChange::add_joining(NodeRecord node) {
  DHT_ASSERT(node.id);
  DHT_ASSERT(map_.find(node.id) == nullptr);
  const NodeRecord* namesake = map_.find_name(node.name);
  DHT_ASSERT(namesake == nullptr || namesake->state == NodeState::down);
  node.state = NodeState::joining;
  const auto place = std::upper_bound(map_.nodes.begin(), map_.nodes.end(), node.id,
                                      [](NodeId id, const NodeRecord& other) { return id < other.id; });
  map_.nodes.insert(place, std::move(node));
  changed_ = true;
}

void MapChange::remove_node(NodeId id) {
  const NodeRecord& node = member(id);
  DHT_ASSERT(map_.leader != id);
  DHT_ASSERT(!map_.is_voter(id));
  DHT_ASSERT(std::none_of(map_.partitions.begin(), map_.partitions.end(),
                          [id](const PartitionRecord& partition) { return has_role(partition, id); }));
  map_.nodes.erase(map_.nodes.begin() + (&node - map_.nodes.data()));
}

void MapChange::activate(NodeId id) {
  NodeRecord& node = member(id);
  DHT_ASSERT(node.state == NodeState::joining);
  node.state = NodeState::active;
}

void MapChange::begin_leave(NodeId id) {
  NodeRecord& node = member(id);
  DHT_ASSERT(node.state == NodeState::active);
  node.state = NodeState::leaving;
}

void MapChange::cancel_leave(NodeId id) {
  NodeRecord& node = member(id);
  DHT_ASSERT(node.state == NodeState::leaving);
  node.state = NodeState::active;
}

void MapChange::mark_down(NodeId id) {
  NodeRecord& node = member(id);
  DHT_ASSERT(node.state == NodeState::active || node.state == NodeState::leaving);
  node.state = NodeState::down;
}

void MapChange::mark_active(NodeId id) {
  NodeRecord& node = member(id);
  DHT_ASSERT(node.state == NodeState::down);
  node.state = NodeState::active;
}

void MapChange::set_leader(NodeId id) {
  const NodeRecord& node = member(id);
  DHT_ASSERT(node.state == NodeState::active);
  DHT_ASSERT(map_.leader != id);
  if (map_.next_voters.empty() && !map_.is_voter(id)) {
    map_.next_voters = map_.voters;
    std::replace(map_.next_voters.begin(), map_.next_voters.end(), map_.leader, id);
  }
  DHT_ASSERT(may_lead(map_, id));
  map_.leader = id;
  ++map_.generation;
}

void MapChange::lead_anew() {
  DHT_ASSERT(member(map_.leader).state == NodeState::active);
  ++map_.generation;
}

void MapChange::begin_voter_change(std::vector<NodeId> next) {
  changed_ = true;
  DHT_ASSERT(map_.next_voters.empty() && !next.empty());
  map_.next_voters = std::move(next);
}

void MapChange::finish_voter_change() {
  changed_ = true;
  DHT_ASSERT(!map_.next_voters.empty());
  map_.voters = std::exchange(map_.next_voters, {});
}

void MapChange::rename(NodeId id, std::string name, Address address) {
  NodeRecord& node = member(id);
  const NodeRecord* holder = map_.find_name(name);
  DHT_ASSERT(is_valid_name(name));
  DHT_ASSERT(holder == nullptr || holder->id == id || holder->state == NodeState::down);
  node.name = std::move(name);
  node.address = std::move(address);
}

void MapChange::add_learner(PartitionId partition, NodeId node, bool has_old_copy) {
  PartitionRecord& record = partition_record(partition);
  const NodeRecord& learner = member(node);
  DHT_ASSERT(learner.state == NodeState::active);
  DHT_ASSERT(!has_role(record, node));
  record.learners.push_back({node, map_.revision, has_old_copy});
}

void MapChange::remove_learner(PartitionId partition, NodeId node) {
  PartitionRecord& record = partition_record(partition);
  const auto erased = std::erase_if(record.learners, is_learner(node));
  DHT_ASSERT(erased == 1);
}

void MapChange::promote(PartitionId partition, NodeId node) {
  PartitionRecord& record = partition_record(partition);
  const auto erased = std::erase_if(record.learners, is_learner(node));
  DHT_ASSERT(erased == 1);
  record.backups.insert(std::upper_bound(record.backups.begin(), record.backups.end(), node), node);
  ++record.epoch;
}

void MapChange::remove_backup(PartitionId partition, NodeId node) {
  PartitionRecord& record = partition_record(partition);
  const auto erased = std::erase(record.backups, node);
  DHT_ASSERT(erased == 1);
  ++record.epoch;
}

void MapChange::hand_over(PartitionId partition, NodeId to, std::vector<NodeId> backups) {
  PartitionRecord& record = partition_record(partition);
  DHT_ASSERT(member(to).state == NodeState::active);
  DHT_ASSERT(record.primary != to && has_role(record, to));
  take_over(record, to, std::move(backups));
}

void MapChange::fail_over(PartitionId partition, NodeId to, std::vector<NodeId> backups) {
  PartitionRecord& record = partition_record(partition);
  DHT_ASSERT(member(record.primary).state == NodeState::down);
  DHT_ASSERT(record.has_backup(to));
  take_over(record, to, std::move(backups));
}

void MapChange::reopen_primary(PartitionId partition) {
  PartitionRecord& record = partition_record(partition);
  take_over(record, record.primary, record.backups);
}

void MapChange::take_over(PartitionRecord& record, NodeId primary, std::vector<NodeId> backups) {
  DHT_ASSERT(std::find(backups.begin(), backups.end(), primary) == backups.end());
  record.primary = primary;
  std::sort(backups.begin(), backups.end());
  record.backups = std::move(backups);
  record.learners.clear();
  record.primary_since = ++record.epoch;
}

void MapChange::begin_empty(PartitionId partition, NodeId to, Version floor) {
  PartitionRecord& record = partition_record(partition);
  const NodeRecord& primary = member(to);
  DHT_ASSERT(primary.state == NodeState::active && !has_role(record, to));
  DHT_ASSERT(member(record.primary).state == NodeState::down && record.backups.empty() && record.learners.empty());
  take_over(record, to, {});
  record.empty_from = record.epoch;
  DHT_ASSERT(floor >= record.floor);
  record.floor = floor;
}

ClusterMap MapChange::finish() && {
  DHT_ASSERT(!violation(map_));
  return std::move(map_);
}

/// The record of a member that an operation is about.
NodeRecord& MapChange::member(NodeId id) {
  changed_ = true;
  const NodeRecord* found = map_.find(id);
  DHT_ASSERT(found != nullptr);
  return map_.nodes[static_cast<std::size_t>(found - map_.nodes.data())];
}

/// The record of a partition that an operation is about.
PartitionRecord& MapChange::partition_record(PartitionId partition) {
  changed_ = true;
  DHT_ASSERT(partition < map_.partitions.size());
  return map_.partitions[partition];
}

}  // namespace dht::cluster
