#include "agreement/round.h"

#include <algorithm>
#include <utility>

#include "agreement/quorum.h"
#include "base/assert.h"

namespace dht::agreement {

namespace {

/// A map comes with a reply where it is newer than `known`, and is the one that the reply speaks of.
bool has_its_map(const wire::VoterReply& reply, const ClusterMap& known) {
  if (reply.revision <= known.revision) return true;
  return reply.map != nullptr && reply.map->cluster == known.cluster && reply.map->revision == reply.revision;
}

}  // namespace

Round::Round(wire::Ballot ballot, ClusterMapPtr known, bool election, Change change)
    : ballot_(ballot), known_(std::move(known)), election_(election), change_(std::move(change)) {
  for (const NodeId voter : all_voters(*known_))
    ask(voter, known_, nullptr);
}

std::vector<VoterAsk> Round::take_asks() { return std::exchange(asks_, {}); }

void Round::on_reply(NodeId voter, wire::CallKind kind, const wire::VoterReply& reply) {
  if (state_ != State::running || kind != phase_) return;
  if (!reply.yes && reply.promised > ballot_) return finish(State::outbid, nullptr);
  if (!reply.yes || reply.promised != ballot_) return on_no_answer(voter, kind);
  if (phase_ == wire::CallKind::accept) return on_accepted(voter, reply);
  if (!has_its_map(reply, *known_)) return on_no_answer(voter, kind);
  on_promise(voter, reply);
}

void Round::on_no_answer(NodeId voter, wire::CallKind kind) {
  if (state_ != State::running || kind != phase_) return;
  silent_.insert(voter);
  if (phase_ == wire::CallKind::prepare) return look_for_newest();
  if (!can_still_be_quorum(*proposal_)) finish(State::failed, nullptr);
}

void Round::on_promise(NodeId voter, const wire::VoterReply& reply) {
  yes_.insert(voter);
  accepted_[voter] = {.ballot = reply.accepted, .revision = reply.revision};
  if (reply.accepted > highest_) {
    highest_ = reply.accepted;
    // At the highest ballot, the map of the known revision is the known map itself; so it does not come along.
    newest_ = reply.revision > known_->revision ? reply.map : reply.revision == known_->revision ? known_ : nullptr;
  }
  look_for_newest();
}

void Round::on_accepted(NodeId voter, const wire::VoterReply& reply) {
  if (!yes_.insert(voter).second) return;
  if (reply.confirmed_ms_ago) {
    confirmed_ms_ago_ = std::min(confirmed_ms_ago_.value_or(*reply.confirmed_ms_ago), *reply.confirmed_ms_ago);
  }
  if (is_quorum(*proposal_, yes_)) finish(on_success_, proposal_);
}

/// Looks again after each answer. The accepted map of the highest ballot is the newest, once majorities of all lists
/// that the known map and this one name have promised.
void Round::look_for_newest() {
  if (!have_promised(known_)) return;
  if (newest_ == nullptr) return finish(State::failed, nullptr);
  if (!have_promised(newest_)) return;
  if (!is_chosen(*newest_)) return propose(newest_, State::written_back);
  change_or_finish(newest_);
}

/// Known to be chosen: it is the known map, or majorities of all whom it names have accepted it at one ballot.
bool Round::is_chosen(const ClusterMap& newest) const {
  if (newest.revision == known_->revision) return true;
  std::set<NodeId> accepted_it;
  for (const auto& [voter, accepted] : accepted_) {
    if (accepted.ballot == highest_) accepted_it.insert(voter);
  }
  return is_quorum(newest, accepted_it);
}

void Round::change_or_finish(const ClusterMapPtr& newest) {
  if (newest != base_) {
    base_ = newest;
    next_ = change_ ? change_(newest) : nullptr;
    DHT_ASSERT(next_ == nullptr || may_follow(*newest, *next_));
  }
  if (next_ == nullptr) {
    finish(State::unchanged, newest);
    return replace_outvoted(newest);
  }
  // Voters who are new in it must be there, or nothing could be chosen after it.
  if (have_promised(next_)) propose(next_, State::changed);
}

/// Whether a majority of all whom the map names have promised. Asks those who have not been asked yet, and ends the
/// round where too many of them have not answered.
bool Round::have_promised(const ClusterMapPtr& map) {
  if (is_quorum(*map, yes_)) return true;
  for (const NodeId voter : all_voters(*map)) {
    if (!asked_.contains(voter)) ask(voter, map, nullptr);
  }
  if (!can_still_be_quorum(*map)) finish(State::failed, nullptr);
  return false;
}

void Round::propose(const ClusterMapPtr& map, State on_success) {
  proposal_ = map;
  on_success_ = on_success;
  phase_ = wire::CallKind::accept;
  asks_.clear();
  asked_.clear();
  silent_.clear();
  yes_.clear();
  for (const NodeId voter : all_voters(*map))
    ask(voter, map, map);
}

void Round::replace_outvoted(const ClusterMapPtr& newest) {
  phase_ = wire::CallKind::accept;
  for (const auto& [voter, accepted] : accepted_) {
    if (accepted.revision > newest->revision) ask(voter, newest, newest);
  }
}

void Round::ask(NodeId voter, const ClusterMapPtr& directory, const ClusterMapPtr& map) {
  asked_.insert(voter);
  asks_.push_back({.kind = phase_,
                   .directory = directory,
                   .request = {.cluster = known_->cluster,
                               .voter = voter,
                               .ballot = ballot_,
                               .election = election_,
                               .known = known_->revision},
                   .map = map});
}

bool Round::can_still_be_quorum(const ClusterMap& map) const {
  std::set<NodeId> hoped_for;
  std::set_difference(asked_.begin(), asked_.end(), silent_.begin(), silent_.end(),
                      std::inserter(hoped_for, hoped_for.end()));
  return is_quorum(map, hoped_for);
}

void Round::finish(State state, ClusterMapPtr chosen) {
  state_ = state;
  chosen_ = std::move(chosen);
  asks_.clear();
}

}  // namespace dht::agreement
