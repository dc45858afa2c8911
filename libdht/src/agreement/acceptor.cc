#include "agreement/acceptor.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"

namespace dht::agreement {

namespace {

wire::Answer refusal(Errc error, std::string message) {
  wire::Answer answer;
  answer.error = error;
  answer.message = std::move(message);
  return answer;
}

wire::Answer answer_with(wire::VoterReply reply) {
  wire::Answer answer;
  answer.reply = std::move(reply);
  return answer;
}

}  // namespace

AcceptorState founder_of(ClusterMapPtr map) {
  // No round uses this ballot, since no boot nonce is zero.
  const wire::Ballot founding{.counter = 1, .node = map->leader, .boot = 0};
  return {.cluster = map->cluster, .promised = founding, .accepted = founding, .map = std::move(map)};
}

AcceptorState newcomer_to(const ClusterMap& map) { return {.cluster = map.cluster, .since = map.revision}; }

Acceptor::Acceptor(NodeId self) : self_(self) {}

Acceptor::Acceptor(NodeId self, AcceptorState state) : self_(self), state_(std::move(state)) {
  DHT_ASSERT(state_.cluster && state_.promised >= state_.accepted);
  DHT_ASSERT((state_.map != nullptr) == static_cast<bool>(state_.accepted));
}

wire::Answer Acceptor::prepare(const wire::VoterRequest& request) {
  if (!concerns(request)) return refuse_other();
  if (request.known < state_.since) return refuse_outdated(request.known);
  // Equal is a promise given twice, since a ballot is used for one round only.
  const bool yes = request.ballot && request.ballot >= state_.promised;
  if (yes) state_.promised = request.ballot;
  wire::VoterReply promise = reply(yes);
  if (yes && promise.revision > request.known) promise.map = state_.map;
  return answer_with(std::move(promise));
}

wire::Answer Acceptor::accept(const wire::VoterRequest& request, const ClusterMapPtr& map) {
  if (!concerns(request)) return refuse_other();
  if (map == nullptr) return refusal(Errc::corrupt, "there is no map to accept");
  if (map->cluster != state_.cluster) return refuse_other();
  if (state_.map != nullptr && map->settings != state_.map->settings) return refuse_other();
  if (const auto broken = violation(*map)) return refusal(Errc::corrupt, "the proposed map is unsound: " + *broken);
  if (map->revision <= state_.since) return refuse_outdated(map->revision);
  const bool yes = request.ballot && request.ballot >= state_.promised;
  if (yes) {
    state_.promised = request.ballot;
    state_.accepted = request.ballot;
    state_.map = map;
  }
  return answer_with(reply(yes));
}

wire::VoterReply Acceptor::reply(bool yes) const {
  wire::VoterReply reply{.yes = yes, .promised = state_.promised, .accepted = state_.accepted};
  if (state_.map != nullptr) {
    reply.revision = state_.map->revision;
    reply.generation = state_.map->generation;
    reply.voters = state_.map->voters;
    reply.next_voters = state_.map->next_voters;
  }
  return reply;
}

bool Acceptor::concerns(const wire::VoterRequest& request) const noexcept {
  return state_.cluster && request.cluster == state_.cluster && request.voter == self_;
}

wire::Answer Acceptor::refuse_other() const {
  return refusal(Errc::incompatible, fmt::format("this is voter {} of cluster {}, which is not the one that was meant",
                                                 to_string(self_), to_string(state_.cluster)));
}

wire::Answer Acceptor::refuse_outdated(Revision known) const {
  return refusal(Errc::conflict,
                 fmt::format("this voter came with revision {}; {} is too old to ask it", state_.since, known));
}

}  // namespace dht::agreement
