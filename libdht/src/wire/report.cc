// The bytes of reports: tagged fields. The tags stand in the order in which they were given out.
#include "wire/report.h"

#include <cstdint>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/storage.h>

#include "wire/list.h"

namespace dht::wire {

namespace {

namespace statistics_tag {
enum : std::uint32_t { entries = 1, bytes };
}
namespace report_tag {
enum : std::uint32_t { statistics = 1, copy_of, partition, is_full, is_durable, old_copy };
}
namespace partition_tag {
enum : std::uint32_t { partition = 1, epoch, stopped, level, lost, lost_backup, sealed_epoch, sealed_seq };
}
namespace learner_tag {
enum : std::uint32_t { node = 1, since, has_old_copy };
}
namespace member_tag {
enum : std::uint32_t { node = 1, alive, statistics, is_full };
}
namespace operation_tag {
enum : std::uint32_t { is_join = 1, node, name, done, total, milliseconds, bytes_done };
}

void append_partition(TaggedReader& r, std::vector<PartitionId>& list) {
  const PartitionId partition = r.u32();
  list.size() < kMaxListed ? list.push_back(partition) : r.fail();
}

/// Two fields that come together.
ReplicaPosition& sealed_at(PartitionReport& report) {
  return report.sealed_at ? *report.sealed_at : report.sealed_at.emplace();
}

TaggedWriter write(const StorageStatistics& statistics) {
  TaggedWriter w;
  w.put_u64(statistics_tag::entries, statistics.entries);
  w.put_u64(statistics_tag::bytes, statistics.bytes);
  return w;
}

bool read(TaggedReader r, StorageStatistics& statistics) {
  while (r.next()) {
    switch (r.tag()) {
      case statistics_tag::entries:
        statistics.entries = r.u64();
        break;
      case statistics_tag::bytes:
        statistics.bytes = r.u64();
        break;
    }
  }
  return r.ok();
}

TaggedWriter write(const LearnerRecord& learner) {
  TaggedWriter w;
  w.put_id(learner_tag::node, learner.node);
  w.put_u64(learner_tag::since, learner.since);
  if (learner.has_old_copy) w.put_bool(learner_tag::has_old_copy, true);
  return w;
}

bool read(TaggedReader r, LearnerRecord& learner) {
  while (r.next()) {
    switch (r.tag()) {
      case learner_tag::node:
        learner.node = r.id<NodeId>();
        break;
      case learner_tag::since:
        learner.since = r.u64();
        break;
      case learner_tag::has_old_copy:
        learner.has_old_copy = r.boolean();
        break;
    }
  }
  return r.ok();
}

TaggedWriter write(const PartitionReport& report) {
  TaggedWriter w;
  w.put_u64(partition_tag::partition, report.partition);
  w.put_u64(partition_tag::epoch, report.epoch);
  w.put_bool(partition_tag::stopped, report.stopped);
  for (const LearnerRecord& learner : report.level)
    w.put_message(partition_tag::level, write(learner));
  for (const LearnerRecord& learner : report.lost)
    w.put_message(partition_tag::lost, write(learner));
  for (const NodeId backup : report.lost_backups)
    w.put_id(partition_tag::lost_backup, backup);
  if (report.sealed_at) {
    w.put_u64(partition_tag::sealed_epoch, report.sealed_at->epoch);
    w.put_u64(partition_tag::sealed_seq, report.sealed_at->seq);
  }
  return w;
}

bool read(TaggedReader r, PartitionReport& report) {
  while (r.next()) {
    switch (r.tag()) {
      case partition_tag::partition:
        report.partition = r.u32();
        break;
      case partition_tag::epoch:
        report.epoch = r.u64();
        break;
      case partition_tag::stopped:
        report.stopped = r.boolean();
        break;
      case partition_tag::level:
        append(r, report.level, read);
        break;
      case partition_tag::lost:
        append(r, report.lost, read);
        break;
      case partition_tag::lost_backup:
        append_id(r, report.lost_backups);
        break;
      case partition_tag::sealed_epoch:
        sealed_at(report).epoch = r.u64();
        break;
      case partition_tag::sealed_seq:
        sealed_at(report).seq = r.u64();
        break;
    }
  }
  return r.ok();
}

}  // namespace

TaggedWriter write(const NodeReport& report) {
  TaggedWriter w;
  w.put_message(report_tag::statistics, write(report.statistics));
  for (const ClusterId cluster : report.copies_of)
    w.put_id(report_tag::copy_of, cluster);
  for (const PartitionReport& partition : report.partitions)
    w.put_message(report_tag::partition, write(partition));
  if (report.is_full) w.put_bool(report_tag::is_full, true);
  if (report.is_durable) w.put_bool(report_tag::is_durable, true);
  for (const PartitionId partition : report.old_copies)
    w.put_u64(report_tag::old_copy, partition);
  return w;
}

bool read(TaggedReader r, NodeReport& report) {
  while (r.next()) {
    switch (r.tag()) {
      case report_tag::statistics:
        if (!read(r.message(), report.statistics)) r.fail();
        break;
      case report_tag::copy_of:
        append_id(r, report.copies_of);
        break;
      case report_tag::partition:
        append(r, report.partitions, read);
        break;
      case report_tag::is_full:
        report.is_full = r.boolean();
        break;
      case report_tag::is_durable:
        report.is_durable = r.boolean();
        break;
      case report_tag::old_copy:
        append_partition(r, report.old_copies);
        break;
    }
  }
  return r.ok();
}

TaggedWriter write(const MemberReport& member) {
  TaggedWriter w;
  w.put_id(member_tag::node, member.node);
  w.put_bool(member_tag::alive, member.alive);
  w.put_message(member_tag::statistics, write(member.statistics));
  if (member.is_full) w.put_bool(member_tag::is_full, true);
  return w;
}

bool read(TaggedReader r, MemberReport& member) {
  while (r.next()) {
    switch (r.tag()) {
      case member_tag::node:
        member.node = r.id<NodeId>();
        break;
      case member_tag::alive:
        member.alive = r.boolean();
        break;
      case member_tag::statistics:
        if (!read(r.message(), member.statistics)) r.fail();
        break;
      case member_tag::is_full:
        member.is_full = r.boolean();
        break;
    }
  }
  return r.ok();
}

TaggedWriter write(const OperationReport& operation) {
  TaggedWriter w;
  w.put_bool(operation_tag::is_join, operation.is_join);
  w.put_id(operation_tag::node, operation.node);
  w.put_bytes(operation_tag::name, operation.name);
  w.put_u64(operation_tag::done, operation.done);
  w.put_u64(operation_tag::total, operation.total);
  w.put_u64(operation_tag::milliseconds, operation.milliseconds);
  w.put_u64(operation_tag::bytes_done, operation.bytes_done);
  return w;
}

bool read(TaggedReader r, OperationReport& operation) {
  while (r.next()) {
    switch (r.tag()) {
      case operation_tag::is_join:
        operation.is_join = r.boolean();
        break;
      case operation_tag::node:
        operation.node = r.id<NodeId>();
        break;
      case operation_tag::name:
        operation.name = r.string();
        break;
      case operation_tag::done:
        operation.done = r.u64();
        break;
      case operation_tag::total:
        operation.total = r.u64();
        break;
      case operation_tag::milliseconds:
        operation.milliseconds = r.u64();
        break;
      case operation_tag::bytes_done:
        operation.bytes_done = r.u64();
        break;
    }
  }
  return r.ok();
}

}  // namespace dht::wire
