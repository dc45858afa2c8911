#include "lease/leader_lease.h"

#include <algorithm>
#include <cstddef>

#include "agreement/quorum.h"
#include "lease/rules.h"

namespace dht::lease {
namespace {

/// Of asks that too few have answered: older ones would confirm nothing any more.
constexpr std::size_t kMostOpenAsks = 32;

bool confirm(const std::vector<NodeId>& voters, const std::set<NodeId>& yes) {
  return voters.empty() || agreement::is_majority(voters, yes);
}

}  // namespace

std::uint64_t LeaderLease::ask(Instant now) {
  asks_[++last_ask_].at = now;
  if (asks_.size() > kMostOpenAsks) asks_.erase(asks_.begin());
  return last_ask_;
}

void LeaderLease::on_reply(std::uint64_t number, NodeId voter, const wire::VoterReply& reply, const ClusterMap& own) {
  const auto found = asks_.find(number);
  if (found == asks_.end()) return;
  Ask& ask = found->second;
  if (reply.yes) ask.yes.insert(voter);
  if (reply.accepted > ask.newest) {
    ask.newest = reply.accepted;
    ask.voters = reply.voters;
    ask.next_voters = reply.next_voters;
  }
  const bool is_confirmed =
      agreement::is_quorum(own, ask.yes) && confirm(ask.voters, ask.yes) && confirm(ask.next_voters, ask.yes);
  if (!is_confirmed) return;
  until_ = std::max(until_, end_at_holder(ask.at, length_));
  asks_.erase(asks_.begin(), std::next(found));
}

}  // namespace dht::lease
