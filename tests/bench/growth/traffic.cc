#include "traffic.h"

#include <string_view>

#include "wire/control.h"
#include "wire/message_type.h"
#include "wire/tagged.h"

namespace dht::growth {

namespace {

// Fields of calls and answers, by libdht/doc/wire_format.md. Read here without decoding the maps in them, which would
// take longer than all else.
constexpr std::uint32_t kKindOfCall = 2;
constexpr std::uint32_t kMapOfCall = 11;
constexpr std::uint32_t kMapOfAnswer = 6;
constexpr std::uint32_t kMemberOfAnswer = 7;

void count_call(std::string_view payload, Traffic& traffic) {
  wire::TaggedReader r(payload);
  while (r.next()) {
    if (r.tag() == kMapOfCall) traffic.maps.add(r.bytes().size());
    if (r.tag() != kKindOfCall || r.enumeration(wire::kLastCallKind) != wire::CallKind::heartbeat) continue;
    traffic.heartbeats.add(payload.size());
  }
}

/// Only answers to heartbeats list the members.
void count_answer(std::string_view payload, Traffic& traffic) {
  bool has_members = false;
  wire::TaggedReader r(payload);
  while (r.next()) {
    if (r.tag() == kMapOfAnswer) traffic.maps.add(r.bytes().size());
    if (r.tag() != kMemberOfAnswer) continue;
    has_members = true;
    traffic.member_lists.add(r.bytes().size());
  }
  if (has_members) traffic.answers.add(payload.size());
}

}  // namespace

void count_traffic(testing::MemoryNetwork& network, const Address& leader, Traffic& traffic) {
  network.set_filter([leader, &traffic](const Address& from, const Address& to, Lane lane, Frame frame) {
    if (lane != Lane::control) return true;
    traffic.all.add(frame.payload.size());
    if (from == leader || to == leader) traffic.leader.add(frame.payload.size());
    if (frame.type == static_cast<std::uint16_t>(wire::MessageType::call)) count_call(frame.payload, traffic);
    if (frame.type == static_cast<std::uint16_t>(wire::MessageType::answer)) count_answer(frame.payload, traffic);
    return true;
  });
}

}  // namespace dht::growth
