#include "cluster/waiting_calls.h"

#include "cluster/refusal.h"

namespace dht::cluster {

void WaitingCalls::add(wire::CallKind kind, NodeId node, Ticket ticket, LeaderEffects& effects) {
  answer(kind, node, refusal_for_now(Errc::conflict, "the same call came again; that one will be answered"), effects);
  tickets_[{kind, node}] = ticket;
}

void WaitingCalls::answer(wire::CallKind kind, NodeId node, wire::Answer answer, LeaderEffects& effects) {
  const auto found = tickets_.find({kind, node});
  if (found == tickets_.end()) return;
  effects.replies.push_back({found->second, std::move(answer)});
  tickets_.erase(found);
}

void WaitingCalls::answer_all(const wire::Answer& answer, LeaderEffects& effects) {
  for (const auto& [call, ticket] : tickets_)
    effects.replies.push_back({ticket, answer});
  tickets_.clear();
}

std::vector<NodeId> WaitingCalls::nodes(wire::CallKind kind) const {
  std::vector<NodeId> result;
  for (const auto& [call, ticket] : tickets_) {
    if (call.first == kind) result.push_back(call.second);
  }
  return result;
}

}  // namespace dht::cluster
