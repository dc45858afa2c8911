// VoterSeat: this node's part in the agreement on maps. It keeps the register, answers as a voter, and takes the
// leadership over where the leader is no longer heard of.
//
// Thread rule: the membership's strand.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <dht/register.h>

#include "agreement/quorum_register.h"
#include "cluster/member.h"
#include "lease/voter_duty.h"

namespace dht::cluster {

class VoterSeat {
 public:
  /// Gets the chosen map that names this node leader, and how long it is to wait before it calls any node down. Called
  /// as soon as that map is known to be chosen.
  using OnElected = Function<void(ClusterMapPtr map, Duration wait)>;

  VoterSeat(Member& member, OnElected on_elected);

  /// Where maps are changed and read.
  Register& maps() noexcept { return register_; }

  /// The node founded the cluster of `map`.
  void found(const ClusterMapPtr& map);
  /// The node has come into the cluster of `map`.
  void enter(const ClusterMapPtr& map);
  /// A newer map of its cluster.
  void learn(const ClusterMapPtr& map);

  /// Answers prepare, accept and confirm, once all that the answer rests on is durable. `leads`: this node holds the
  /// leader's lease.
  using Answerer = Function<void(wire::Answer)>;
  void on_call(const wire::Call& call, bool leads, Answerer answer);
  /// Asks a voter of `map`, be it this node itself. `handler` is called later, at most once.
  using AnswerHandler = Function<void(std::error_code, wire::Answer)>;
  void ask(const ClusterMap& map, NodeId voter, wire::Call call, AnswerHandler handler);
  /// Takes over if that is due.
  void on_tick();

 private:
  wire::Answer judge(const wire::Call& call, bool leads);
  wire::Answer confirm(const wire::Call& call);
  void begin(const ClusterMap& map);
  void stand_for_election();

  Member& member_;
  OnElected on_elected_;
  agreement::QuorumRegister register_;
  lease::VoterDuty duty_;
  std::optional<std::uint64_t> standing_in_;  ///< the generation that an election under way is to end
  std::uint64_t stay_ = 0;  ///< counts the clusters that this node has been in: an election ends with its cluster
};

}  // namespace dht::cluster
