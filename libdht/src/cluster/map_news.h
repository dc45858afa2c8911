// What an operator wants to read of a change of the map: who came and went, who leads, when moves begin and end.
//
// Thread rule: plain functions.
#pragma once

#include <string>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/log.h>

namespace dht::cluster {

struct News {
  LogLevel level = LogLevel::info;
  std::string line{};
};

/// One for each piece of news in `after`, a later map of the same cluster, as node `self` sees it. Nothing of what
/// the node does itself, which it tells when it is done.
std::vector<News> news(const ClusterMap& before, const ClusterMap& after, NodeId self);

}  // namespace dht::cluster
