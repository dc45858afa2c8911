// The bytes of a cluster map: tagged fields, and one packed field for the roles in all partitions, since there are up
// to 16384 of them. A role names its node by the node's place in the list of nodes.
#include <utility>

#include <dht/cluster_map.h>
#include <dht/partitioner.h>

#include "base/assert.h"
#include "wire/node_record.h"
#include "wire/tagged.h"
#include "wire/varint.h"

namespace dht {

namespace {

namespace map_tag {
enum : std::uint32_t {
  cluster = 1,
  revision,
  partitions,
  replicas,
  leader,
  generation,
  voter,
  node,
  roles,
  next_voter,
  lease_ms,
};
}

/// partition* with partition = epoch, epochs since the primary took over, epochs before that since it was begun empty,
/// floor, primary, count of backups, backup*, count of learners, (learner, since)*; all varints.
std::string encode_roles(const ClusterMap& map) {
  std::string out;
  out.reserve(map.partitions.size() * 4);
  const auto append_node = [&](NodeId id) {
    const NodeRecord* node = map.find(id);
    DHT_ASSERT(node != nullptr);
    wire::append_varint(out, static_cast<std::uint64_t>(node - map.nodes.data()));
  };
  for (const PartitionRecord& partition : map.partitions) {
    wire::append_varint(out, partition.epoch);
    wire::append_varint(out, partition.epoch - partition.primary_since);
    wire::append_varint(out, partition.primary_since - partition.empty_from);
    wire::append_varint(out, partition.floor);
    append_node(partition.primary);
    wire::append_varint(out, partition.backups.size());
    for (const NodeId backup : partition.backups)
      append_node(backup);
    wire::append_varint(out, partition.learners.size());
    for (const LearnerRecord& learner : partition.learners) {
      append_node(learner.node);
      wire::append_varint(out, learner.since);
      wire::append_varint(out, learner.has_old_copy ? 1 : 0);
    }
  }
  return out;
}

/// Reads what `encode_roles` wrote. Nothing is set aside by a count before the bytes for it are seen to be there.
class RolesReader {
 public:
  RolesReader(std::string_view bytes, const std::vector<NodeRecord>& nodes) : rest_(bytes), nodes_(nodes) {}

  bool read(std::vector<PartitionRecord>& partitions, std::uint32_t count) {
    if (count > rest_.size()) return false;
    partitions.resize(count);
    for (PartitionRecord& partition : partitions) {
      if (!read(partition)) return false;
    }
    return rest_.empty();
  }

 private:
  bool read(PartitionRecord& partition) {
    std::uint64_t with_primary = 0;
    std::uint64_t since_empty = 0;
    if (!number(partition.epoch) || !number(with_primary) || with_primary >= partition.epoch) return false;
    partition.primary_since = partition.epoch - with_primary;
    if (!number(since_empty) || since_empty >= partition.primary_since) return false;
    partition.empty_from = partition.primary_since - since_empty;
    if (!number(partition.floor) || !node(partition.primary)) return false;
    std::uint64_t backups = 0;
    if (!number(backups) || backups > nodes_.size() || backups > rest_.size()) return false;
    partition.backups.resize(static_cast<std::size_t>(backups));
    for (NodeId& backup : partition.backups) {
      if (!node(backup)) return false;
    }
    std::uint64_t learners = 0;
    if (!number(learners) || learners > nodes_.size() || learners > rest_.size()) return false;
    partition.learners.resize(static_cast<std::size_t>(learners));
    for (LearnerRecord& learner : partition.learners) {
      std::uint64_t has_old_copy = 0;
      if (!node(learner.node) || !number(learner.since) || !number(has_old_copy) || has_old_copy > 1) return false;
      learner.has_old_copy = has_old_copy != 0;
    }
    return true;
  }

  bool number(std::uint64_t& value) noexcept { return wire::take_varint(rest_, value); }

  bool node(NodeId& id) noexcept {
    std::uint64_t index = 0;
    if (!number(index) || index >= nodes_.size()) return false;
    id = nodes_[static_cast<std::size_t>(index)].id;
    return true;
  }

  std::string_view rest_;
  const std::vector<NodeRecord>& nodes_;
};

/// False where a field is malformed. `roles` is read last, since it needs the nodes.
bool decode_fields(std::string_view bytes, ClusterMap& map, std::string_view& roles) {
  wire::TaggedReader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case map_tag::cluster:
        map.cluster = r.id<ClusterId>();
        break;
      case map_tag::revision:
        map.revision = r.u64();
        break;
      case map_tag::partitions:
        map.settings.partitions = r.u32();
        break;
      case map_tag::replicas:
        map.settings.replicas = r.u32();
        break;
      case map_tag::leader:
        map.leader = r.id<NodeId>();
        break;
      case map_tag::generation:
        map.generation = r.u64();
        break;
      case map_tag::voter:
        map.voters.push_back(r.id<NodeId>());
        break;
      case map_tag::node: {
        NodeRecord node;
        // The order is checked at once, so that a flood of empty records takes no memory.
        const NodeId before = map.nodes.empty() ? NodeId{} : map.nodes.back().id;
        if (!wire::read(r.message(), node) || node.id <= before) {
          r.fail();
        } else {
          map.nodes.push_back(std::move(node));
        }
        break;
      }
      case map_tag::roles:
        roles = r.bytes();
        break;
      case map_tag::next_voter:
        map.next_voters.push_back(r.id<NodeId>());
        break;
      case map_tag::lease_ms:
        map.settings.lease_ms = r.u32();
        break;
    }
  }
  return r.ok();
}

}  // namespace

std::string encode(const ClusterMap& map) {
  wire::TaggedWriter w;
  w.put_id(map_tag::cluster, map.cluster);
  w.put_u64(map_tag::revision, map.revision);
  w.put_u64(map_tag::partitions, map.settings.partitions);
  w.put_u64(map_tag::replicas, map.settings.replicas);
  w.put_id(map_tag::leader, map.leader);
  w.put_u64(map_tag::generation, map.generation);
  for (const NodeId voter : map.voters)
    w.put_id(map_tag::voter, voter);
  for (const NodeRecord& node : map.nodes)
    w.put_message(map_tag::node, wire::write(node));
  for (const NodeId voter : map.next_voters)
    w.put_id(map_tag::next_voter, voter);
  w.put_u64(map_tag::lease_ms, map.settings.lease_ms);
  // Last and never empty, so that a map that was cut short is seen to be none.
  w.put_bytes(map_tag::roles, encode_roles(map));
  return std::move(w).take();
}

std::optional<ClusterMap> decode_cluster_map(std::string_view bytes) {
  ClusterMap map;
  std::string_view roles;
  if (!decode_fields(bytes, map, roles) || !is_valid_partition_count(map.settings.partitions)) return std::nullopt;
  if (!RolesReader(roles, map.nodes).read(map.partitions, map.settings.partitions)) return std::nullopt;
  if (violation(map)) return std::nullopt;
  return map;
}

}  // namespace dht
