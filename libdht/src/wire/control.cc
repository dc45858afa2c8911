// The bytes of control messages: tagged fields. The tags stand in the order in which they were given out; a new field
// takes the next one, and none is used twice.
#include "wire/control.h"

#include <cstddef>
#include <memory>
#include <utility>

#include "wire/node_record.h"
#include "wire/tagged.h"

namespace dht::wire {

namespace {

namespace call_tag {
enum : std::uint32_t {
  id = 1,
  kind,
  node,
  from,
  partitions,
  replicas,
  wall_ms,
  revision,
  report,
  hand_over,
  map,
  voter,
  lease_ask,
  name,
  lease_ms,
};
}
namespace answer_tag {
enum : std::uint32_t { id = 1, error, try_later, message, drop_copies, map, member, operation, reply, grant, who };
}
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
namespace hand_over_tag {
enum : std::uint32_t { partition = 1, epoch };
}
namespace member_tag {
enum : std::uint32_t { node = 1, alive, statistics, is_full };
}
namespace operation_tag {
enum : std::uint32_t { is_join = 1, node, name, done, total, milliseconds, bytes_done };
}

/// No list has more elements than this, so that a flood of empty ones takes no memory.
constexpr std::size_t kMaxListed = 65'536;

/// Reads one element of a list out of the present field.
template <typename T>
void append(TaggedReader& r, std::vector<T>& list, bool (*decode)(TaggedReader, T&)) {
  T element;
  if (list.size() >= kMaxListed || !decode(r.message(), element)) {
    r.fail();
  } else {
    list.push_back(std::move(element));
  }
}

template <typename Id>
void append_id(TaggedReader& r, std::vector<Id>& list) {
  const Id id = r.id<Id>();
  list.size() < kMaxListed ? list.push_back(id) : r.fail();
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

TaggedWriter write(const HandOverOrder& order) {
  TaggedWriter w;
  w.put_u64(hand_over_tag::partition, order.partition);
  w.put_u64(hand_over_tag::epoch, order.epoch);
  return w;
}

bool read(TaggedReader r, HandOverOrder& order) {
  while (r.next()) {
    switch (r.tag()) {
      case hand_over_tag::partition:
        order.partition = r.u32();
        break;
      case hand_over_tag::epoch:
        order.epoch = r.u64();
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

bool read(TaggedReader r, Call& call) {
  while (r.next()) {
    switch (r.tag()) {
      case call_tag::id:
        call.id = r.u64();
        break;
      case call_tag::kind:
        call.kind = r.enumeration(kLastCallKind);
        break;
      case call_tag::node:
        if (!read(r.message(), call.node)) r.fail();
        break;
      case call_tag::from:
        call.from = r.id<ClusterId>();
        break;
      case call_tag::partitions:
        call.partitions = r.u32();
        break;
      case call_tag::replicas:
        call.replicas = r.u32();
        break;
      case call_tag::wall_ms:
        call.wall_ms = r.u64();
        break;
      case call_tag::revision:
        call.revision = r.u64();
        break;
      case call_tag::report:
        if (!read(r.message(), call.report)) r.fail();
        break;
      case call_tag::hand_over:
        append(r, call.hand_overs, read);
        break;
      case call_tag::map:
        call.map = read_map(r);
        break;
      case call_tag::voter:
        if (!read(r.message(), call.voter.emplace())) r.fail();
        break;
      case call_tag::lease_ask:
        if (!read(r.message(), call.lease_ask.emplace())) r.fail();
        break;
      case call_tag::lease_ms:
        call.lease_ms = r.u32();
        break;
      case call_tag::name:
        call.name = r.string();
        break;
    }
  }
  return r.ok();
}

bool read(TaggedReader r, Answer& answer) {
  while (r.next()) {
    switch (r.tag()) {
      case answer_tag::id:
        answer.id = r.u64();
        break;
      case answer_tag::error:
        answer.error = r.enumeration(kLastErrc);
        if (answer.error == Errc{}) r.fail();
        break;
      case answer_tag::try_later:
        answer.try_later = r.boolean();
        break;
      case answer_tag::message:
        answer.message = r.string();
        break;
      case answer_tag::drop_copies:
        answer.drop_copies = r.boolean();
        break;
      case answer_tag::map:
        answer.map = read_map(r);
        break;
      case answer_tag::member:
        append(r, answer.members, read);
        break;
      case answer_tag::operation:
        append(r, answer.operations, read);
        break;
      case answer_tag::reply:
        if (!read(r.message(), answer.reply.emplace())) r.fail();
        break;
      case answer_tag::grant:
        if (!read(r.message(), answer.grant.emplace())) r.fail();
        break;
      case answer_tag::who:
        answer.who = r.id<NodeId>();
        break;
    }
  }
  return r.ok();
}

/// Calls of these kinds make no sense without a map.
bool carries_map(CallKind kind) { return kind == CallKind::push_map || kind == CallKind::accept; }

/// Calls of these kinds are for a voter.
bool is_for_voter(CallKind kind) {
  return kind == CallKind::prepare || kind == CallKind::accept || kind == CallKind::confirm;
}

}  // namespace

std::string encode(const Call& call) {
  TaggedWriter w;
  w.put_u64(call_tag::id, call.id);
  w.put_enum(call_tag::kind, call.kind);
  w.put_message(call_tag::node, write(call.node));
  if (call.from) w.put_id(call_tag::from, call.from);
  if (call.partitions) w.put_u64(call_tag::partitions, *call.partitions);
  if (call.replicas) w.put_u64(call_tag::replicas, *call.replicas);
  if (call.wall_ms != 0) w.put_u64(call_tag::wall_ms, call.wall_ms);
  if (call.revision != 0) w.put_u64(call_tag::revision, call.revision);
  if (call.report != NodeReport{}) w.put_message(call_tag::report, write(call.report));
  for (const HandOverOrder& order : call.hand_overs)
    w.put_message(call_tag::hand_over, write(order));
  if (call.map) w.put_bytes(call_tag::map, encode(*call.map));
  if (call.voter) w.put_message(call_tag::voter, write(*call.voter));
  if (call.lease_ask) w.put_message(call_tag::lease_ask, write(*call.lease_ask));
  if (call.lease_ms) w.put_u64(call_tag::lease_ms, *call.lease_ms);
  if (!call.name.empty()) w.put_bytes(call_tag::name, call.name);
  return std::move(w).take();
}

std::string encode(const Answer& answer) {
  TaggedWriter w;
  w.put_u64(answer_tag::id, answer.id);
  if (answer.error) w.put_enum(answer_tag::error, *answer.error);
  if (answer.try_later) w.put_bool(answer_tag::try_later, true);
  if (!answer.message.empty()) w.put_bytes(answer_tag::message, answer.message);
  if (answer.drop_copies) w.put_bool(answer_tag::drop_copies, true);
  if (answer.map) w.put_bytes(answer_tag::map, encode(*answer.map));
  for (const MemberReport& member : answer.members)
    w.put_message(answer_tag::member, write(member));
  for (const OperationReport& operation : answer.operations)
    w.put_message(answer_tag::operation, write(operation));
  if (answer.reply) w.put_message(answer_tag::reply, write(*answer.reply));
  if (answer.grant) w.put_message(answer_tag::grant, write(*answer.grant));
  if (answer.who) w.put_id(answer_tag::who, answer.who);
  return std::move(w).take();
}

std::optional<Call> decode_call(std::string_view bytes) {
  Call call;
  call.kind = CallKind{};
  if (!read(TaggedReader(bytes), call)) return std::nullopt;
  if (call.kind == CallKind{} || !call.node.id || (carries_map(call.kind) && !call.map)) return std::nullopt;
  if (is_for_voter(call.kind) && !call.voter) return std::nullopt;
  return call;
}

std::optional<Answer> decode_answer(std::string_view bytes) {
  Answer answer;
  if (!read(TaggedReader(bytes), answer)) return std::nullopt;
  return answer;
}

}  // namespace dht::wire
