// Control messages: what nodes say to each other about membership. A call goes out on the control lane and is answered
// over the same connection. Their bytes are tagged fields (libdht/doc/wire_format.md), so fields can be added.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/error.h>
#include <dht/membership.h>
#include <dht/storage.h>
#include <dht/types.h>

#include "wire/agreement.h"
#include "wire/report.h"

namespace dht::wire {

struct HandOverOrder {
  PartitionId partition = 0;
  Epoch epoch = 0;

  bool operator==(const HandOverOrder&) const = default;
};

/// What each kind of call carries besides `id` and `node.id` (the caller):
enum class CallKind : std::uint8_t {
  hello = 1,   ///< nothing; the only call that a guest may make besides `join`. Answer: map,
               ///< and try_later where the node is joining another cluster itself
  join,        ///< node, from, partitions, replicas, lease_ms, wall_ms. Answer: map with the node as joining
  activate,    ///< nothing. Answer: map with the node as active
  settle,      ///< nothing. Answered once the node's join is complete everywhere
  abandon,     ///< nothing: the joining node gives up
  leave,       ///< nothing. Answered once the node is out of the map everywhere
  heartbeat,   ///< revision, report, lease_ask. Answer: map if newer, members, operations, grant
  push_map,    ///< map. Answered once it is adopted
  hand_over,   ///< hand_overs
  prepare,     ///< voter. Answer: reply
  accept,      ///< voter, map. Answer: reply
  confirm,     ///< voter. Answer: reply
  forget,      ///< name. Answered once the cluster goes on without the node of that name
  step_aside,  ///< nothing. Answered once no more is expected of the node, which stops and comes back
};
inline constexpr CallKind kLastCallKind = CallKind::step_aside;

struct Call {
  std::uint64_t id = 0;  ///< the caller's number for it, repeated in the answer
  CallKind kind = CallKind::hello;
  NodeRecord node{};
  ClusterId from{};  ///< the cluster whose entries the joining node brings
  std::optional<std::uint32_t> partitions{};
  std::optional<std::uint32_t> replicas{};
  std::optional<std::uint32_t> lease_ms{};
  std::uint64_t wall_ms = 0;
  Revision revision = 0;
  NodeReport report{};
  std::vector<HandOverOrder> hand_overs{};
  ClusterMapPtr map{};
  std::optional<VoterRequest> voter{};
  std::optional<LeaseAsk> lease_ask{};
  std::string name{};
};

struct Answer {
  std::uint64_t id = 0;
  std::optional<Errc> error{};
  /// With an error: not now, but the same call may succeed later; not a refusal for good.
  bool try_later = false;
  std::string message{};  ///< with an error: the sentence for the person who asked
  bool drop_copies =
      false;  ///< join: the cluster may hold copies of the joiner's cluster, to be dropped before it is active
  ClusterMapPtr map{};  ///< known to be chosen
  std::vector<MemberReport> members{};
  std::vector<OperationReport> operations{};
  std::optional<VoterReply> reply{};
  std::optional<LeaseGrant> grant{};
  NodeId who{};  ///< hello: the node that answers
};

std::string encode(const Call& call);
std::string encode(const Answer& answer);
/// Empty where the bytes are malformed or a map in them is unsound.
std::optional<Call> decode_call(std::string_view bytes);
std::optional<Answer> decode_answer(std::string_view bytes);

}  // namespace dht::wire
