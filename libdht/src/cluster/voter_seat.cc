#include "cluster/voter_seat.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "cluster/map_change.h"
#include "cluster/refusal.h"
#include "cluster/voters.h"
#include "lease/rules.h"

namespace dht::cluster {

using wire::CallKind;

namespace {

bool is_only_voter(const ClusterMap& map, NodeId id) {
  return map.voters == std::vector<NodeId>{id} && map.next_voters.empty();
}

}  // namespace

VoterSeat::VoterSeat(Member& member, OnElected on_elected)
    : member_(member),
      on_elected_(std::move(on_elected)),
      register_(member.id(), member.boot(), member.scheduler(),
                [this](const ClusterMap& map, NodeId voter, wire::Call call, AnswerHandler handler) {
                  ask(map, voter, std::move(call), std::move(handler));
                }),
      duty_(member.lease(), member.scheduler().now(), member.scheduler().random()) {
  if (!member.has_past()) {
    register_.become(member.map(), agreement::founder_of(member.map()));
    return;
  }
  const Remembered& past = *member.options().past;
  register_.become(past.map, past.voter);
  // Nobody else can have been elected.
  if (is_only_voter(*past.map, member.id()) && (!past.voter.map || is_only_voter(*past.voter.map, member.id()))) {
    duty_.forget_leader(member.scheduler().now());
  }
}

void VoterSeat::found(const ClusterMapPtr& map) {
  begin(*map);
  register_.become(map, agreement::founder_of(map));
}

void VoterSeat::enter(const ClusterMapPtr& map) {
  begin(*map);
  register_.become(map, agreement::newcomer_to(*map));
}

void VoterSeat::learn(const ClusterMapPtr& map) {
  register_.learn(map);
  // Voters who have heard of another leader do not even answer, and what this node wants of the register, as that
  // leader perhaps, would wait behind the election.
  if (standing_in_ && map->generation != *standing_in_) register_.give_up_election();
}

void VoterSeat::begin(const ClusterMap& map) {
  ++stay_;
  standing_in_.reset();
  duty_ = lease::VoterDuty(lease::length_of(map.settings), member_.scheduler().now(), member_.scheduler().random());
}

void VoterSeat::ask(const ClusterMap& map, NodeId voter, wire::Call call, AnswerHandler handler) {
  call.node = member_.make_call(call.kind).node;
  if (voter == member_.id()) {
    return member_.later({}, [this, call = std::move(call), handler = std::move(handler)]() mutable {
      on_call(call, false,
              [handler = std::move(handler)](wire::Answer answer) mutable { handler({}, std::move(answer)); });
    });
  }
  member_.calls().call(member_.peer_of(map, voter), std::move(call), member_.lease(), std::move(handler));
}

void VoterSeat::on_call(const wire::Call& call, bool leads, Answerer answer) {
  wire::Answer given = judge(call, leads);
  member_.keeper().keep_voter(register_.acceptor().state());
  member_.keeper().when_durable(
      [given = std::move(given), answer = std::move(answer)]() mutable { answer(std::move(given)); });
}

wire::Answer VoterSeat::judge(const wire::Call& call, bool leads) {
  const Instant now = member_.scheduler().now();
  if (call.kind == CallKind::confirm) return confirm(call);
  if (call.kind == CallKind::prepare && call.voter->election && (leads || duty_.forbids_election(now))) {
    return refusal_for_now(Errc::conflict, "this voter has heard of the present leader less than a lease ago");
  }
  const Duration quiet = duty_.quiet_for(now);
  wire::Answer answer = register_.on_call(call);
  if (call.kind == CallKind::accept && answer.reply && answer.reply->yes) {
    if (call.voter->election) {
      const auto quiet_ms = std::chrono::floor<std::chrono::milliseconds>(quiet).count();
      answer.reply->confirmed_ms_ago = static_cast<std::uint64_t>(quiet_ms);
    }
    // Whoever may change the map leads, or has just been elected.
    duty_.note_yes(now, member_.scheduler().random());
  }
  return answer;
}

wire::Answer VoterSeat::confirm(const wire::Call& call) {
  const wire::VoterRequest& request = *call.voter;
  const agreement::Acceptor& acceptor = register_.acceptor();
  if (request.cluster != acceptor.state().cluster || request.voter != member_.id()) {
    return refusal(Errc::incompatible, "the request is for a voter of another cluster or for another node");
  }
  wire::Answer answer;
  answer.reply = acceptor.reply(false);
  // A voter that has accepted a newer leader says no, or knows one. It may have accepted nothing yet, where a majority
  // of others has made it a voter. What it has accepted counts beyond the chosen map that it knows: up to that, it is
  // either part of the chain or will never be chosen, and must not keep a leader from its lease for ever.
  const ClusterMap& chosen = *member_.map();
  const bool is_beyond = answer.reply->revision > chosen.revision;
  const std::uint64_t newest = std::max(is_beyond ? answer.reply->generation : 0, chosen.generation);
  answer.reply->yes = newest <= request.generation;
  if (!answer.reply->yes) return answer;
  const Instant now = member_.scheduler().now();
  call.node.id == member_.id() ? duty_.note_own_yes(now) : duty_.note_yes(now, member_.scheduler().random());
  return answer;
}

void VoterSeat::on_tick() {
  const ClusterMapPtr map = member_.map();
  const Instant now = member_.scheduler().now();
  const bool leads = map->leader == member_.id() && !member_.has_outlived(*map);
  if (standing_in_ || leads || !may_lead(*map, member_.id())) return;
  if (!duty_.is_takeover_due(now)) return;
  duty_.note_attempt(now, member_.scheduler().random());
  stand_for_election();
}

void VoterSeat::stand_for_election() {
  const std::uint64_t generation = member_.map()->generation;
  standing_in_ = generation;
  const auto succeed = [this, self = member_.id(), generation](const ClusterMapPtr& newest) {
    const NodeRecord* record = newest->find(self);
    const bool is_former_self = member_.has_outlived(*newest);
    const bool is_free = newest->generation == generation && (newest->leader != self || is_former_self);
    const bool is_fit = record != nullptr && record->state == NodeState::active && may_lead(*newest, self);
    if (!is_free || !is_fit) return ClusterMapPtr{};
    MapChange change(*newest);
    is_former_self ? change.lead_anew() : change.set_leader(self);
    return ClusterMapPtr(std::make_shared<const ClusterMap>(std::move(change).finish()));
  };
  register_.elect(succeed, [this, stay = stay_](std::error_code error, const ClusterMapPtr& newest,
                                                std::optional<std::uint64_t> confirmed_ms_ago) {
    if (stay != stay_) return;
    standing_in_.reset();
    if (newest == nullptr) return;
    if (!error && newest->leader == member_.id()) {
      const auto ago = std::chrono::milliseconds(confirmed_ms_ago.value_or(0));
      return on_elected_(newest, lease::wait_of_new_leader(member_.lease(), ago));
    }
    member_.adopt(newest);
  });
}

}  // namespace dht::cluster
