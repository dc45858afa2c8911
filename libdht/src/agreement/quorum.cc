#include "agreement/quorum.h"

#include <algorithm>
#include <cstddef>

namespace dht::agreement {

bool is_majority(std::span<const NodeId> voters, const std::set<NodeId>& yes) {
  const auto count = std::count_if(voters.begin(), voters.end(), [&](NodeId voter) { return yes.contains(voter); });
  return static_cast<std::size_t>(count) * 2 > voters.size();
}

bool is_quorum(const ClusterMap& map, const std::set<NodeId>& yes) {
  return is_majority(map.voters, yes) && (map.next_voters.empty() || is_majority(map.next_voters, yes));
}

std::vector<NodeId> all_voters(const ClusterMap& map) {
  std::vector<NodeId> all = map.voters;
  for (const NodeId voter : map.next_voters) {
    if (std::find(map.voters.begin(), map.voters.end(), voter) == map.voters.end()) all.push_back(voter);
  }
  return all;
}

bool may_follow(const ClusterMap& newest, const ClusterMap& next) {
  if (next.cluster != newest.cluster || next.settings != newest.settings) return false;
  if (next.revision != newest.revision + 1 || next.generation < newest.generation) return false;
  const bool same_voters = next.voters == newest.voters;
  if (newest.next_voters.empty()) return same_voters;
  return next.voters == newest.next_voters || (same_voters && next.next_voters == newest.next_voters);
}

}  // namespace dht::agreement
