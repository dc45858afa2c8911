#include "cluster/voters.h"

#include <algorithm>
#include <tuple>

#include "base/assert.h"

namespace dht::cluster {
namespace {

bool contains(const std::vector<NodeId>& list, NodeId node) {
  return std::find(list.begin(), list.end(), node) != list.end();
}

}  // namespace

std::vector<NodeId> plan_voters(const ClusterMap& map, std::vector<NodeId> candidates) {
  DHT_ASSERT(contains(candidates, map.leader));
  const auto rank = [&map](NodeId node) { return std::tuple(node != map.leader, !contains(map.voters, node), node); };
  std::sort(candidates.begin(), candidates.end(), [&](NodeId a, NodeId b) { return rank(a) < rank(b); });
  const std::size_t most = std::min(candidates.size(), kMostVoters);
  candidates.resize(most % 2 == 0 ? most - 1 : most);
  return candidates;
}

bool same_voters(std::vector<NodeId> a, std::vector<NodeId> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

bool may_lead(const ClusterMap& map, NodeId node) {
  return contains(map.next_voters.empty() ? map.voters : map.next_voters, node);
}

}  // namespace dht::cluster
