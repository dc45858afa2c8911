// Round: one attempt of a proposer at the register, under one ballot (design: "The register"). It makes the newest map
// chosen, or changes one that it knows to be chosen; never both.
//
// Phase 1 asks voters to promise the ballot and hears what they have accepted. A map that is newer than the one known
// may name other voters, who are then asked, too, until the newest is found that all whom it names stand for. Phase 2
// asks them to accept one map.
//
// What a voter has accepted beyond the newest map, but at a lower ballot, will never be chosen, and as long as it has
// that it confirms no leader. Where a round ends without a proposal of its own such voters are asked to accept the
// newest map in its place; nobody waits for their answers.
//
// Pure: answers go in, what is to be asked comes out. Answers may come in any order, late, or not at all.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/function.h>
#include <dht/types.h>

#include "wire/agreement.h"
#include "wire/ballot.h"
#include "wire/control.h"

namespace dht::agreement {

/// A question to one voter.
struct VoterAsk {
  wire::CallKind kind = wire::CallKind::prepare;  ///< prepare or accept
  ClusterMapPtr directory{};                      ///< names the voter, with its address
  wire::VoterRequest request{};                   ///< to `request.voter`
  ClusterMapPtr map{};                            ///< accept: the proposed map
};

class Round {
 public:
  /// Makes of the newest chosen map the one that is to follow it (`may_follow`); null where nothing is to be changed.
  using Change = Function<ClusterMapPtr(const ClusterMapPtr& newest)>;

  enum class State {
    running,
    changed,       ///< what the change made is chosen
    unchanged,     ///< nothing was to be changed in the newest map, which was chosen before
    written_back,  ///< the newest map is chosen now; it takes another round to change it
    outbid,        ///< a voter has promised a higher ballot
    failed,        ///< too few voters answered
  };

  /// `known` is chosen, and the newest such map that the proposer knows. No `change`: the newest map is all that is
  /// wanted. `election` is passed on to the voters.
  Round(wire::Ballot ballot, ClusterMapPtr known, bool election, Change change);

  State state() const noexcept { return state_; }
  /// What is to be asked now, also at the end of the round; each question is given once.
  std::vector<VoterAsk> take_asks();
  /// Voters are asked to accept what the change made, so that it may be chosen from now on.
  bool proposes_change() const noexcept { return proposal_ != nullptr && on_success_ == State::changed; }

  // The answer to a question, once for each.

  void on_reply(NodeId voter, wire::CallKind kind, const wire::VoterReply& reply);
  /// There is none, or one that says nothing about the ballot.
  void on_no_answer(NodeId voter, wire::CallKind kind);

  /// Chosen; in the states changed, unchanged and written_back.
  const ClusterMapPtr& chosen() const noexcept { return chosen_; }
  /// Those who made it chosen in phase 2: the shortest time since any of them had confirmed another leader; none where
  /// none ever has.
  std::optional<std::uint64_t> confirmed_ms_ago() const noexcept { return confirmed_ms_ago_; }

 private:
  /// What a voter had accepted when it promised.
  struct Accepted {
    wire::Ballot ballot{};
    Revision revision{};
  };

  void on_promise(NodeId voter, const wire::VoterReply& reply);
  void on_accepted(NodeId voter, const wire::VoterReply& reply);
  void look_for_newest();
  bool is_chosen(const ClusterMap& newest) const;
  void change_or_finish(const ClusterMapPtr& newest);
  bool have_promised(const ClusterMapPtr& map);
  void propose(const ClusterMapPtr& map, State on_success);
  void replace_outvoted(const ClusterMapPtr& newest);
  void ask(NodeId voter, const ClusterMapPtr& directory, const ClusterMapPtr& map);
  bool can_still_be_quorum(const ClusterMap& map) const;
  void finish(State state, ClusterMapPtr chosen);

  wire::Ballot ballot_;
  ClusterMapPtr known_;
  bool election_;
  Change change_;

  State state_ = State::running;
  wire::CallKind phase_ = wire::CallKind::prepare;
  std::vector<VoterAsk> asks_;
  // Of this phase.
  std::set<NodeId> asked_;
  std::set<NodeId> silent_;
  std::set<NodeId> yes_;

  std::map<NodeId, Accepted> accepted_;  ///< by those who have promised
  wire::Ballot highest_{};               ///< among these
  ClusterMapPtr newest_;                 ///< what was accepted at it; null where that is older than `known_`
  ClusterMapPtr base_;                   ///< what `next_` was made from; null before
  ClusterMapPtr next_;
  ClusterMapPtr proposal_;
  State on_success_ = State::failed;
  ClusterMapPtr chosen_;
  std::optional<std::uint64_t> confirmed_ms_ago_;
};

}  // namespace dht::agreement
