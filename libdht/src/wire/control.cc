// The bytes of control messages: tagged fields. The tags stand in the order in which they were given out; a new field
// takes the next one, and none is used twice.
#include "wire/control.h"

#include <cstddef>
#include <memory>
#include <utility>

#include "wire/list.h"
#include "wire/node_record.h"
#include "wire/report.h"
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
namespace hand_over_tag {
enum : std::uint32_t { partition = 1, epoch };
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
        append(r, answer.members, wire::read);
        break;
      case answer_tag::operation:
        append(r, answer.operations, wire::read);
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
