#include "cluster/whereabouts.h"

#include <string>

#include <dht/types.h>

namespace dht::cluster {
namespace {

bool is_same(const NodeRecord& a, const NodeRecord& b) { return a.name == b.name && a.address == b.address; }

}  // namespace

bool Whereabouts::note(const NodeRecord& node, const ClusterMap& map) {
  const NodeRecord* known = map.find(node.id);
  if (known == nullptr || is_same(*known, node)) return false;
  if (!is_valid_name(node.name) || node.address.host.empty() || node.address.port == 0) return false;
  NodeRecord& said = said_[node.id];
  if (is_same(said, node)) return false;
  said = node;
  return true;
}

void Whereabouts::adopt(const ClusterMap& map) {
  std::erase_if(said_, [&](const auto& item) {
    const NodeRecord* node = map.find(item.first);
    return node == nullptr || is_same(*node, item.second);
  });
}

void Whereabouts::rename(MapChange& change) const {
  for (const auto& [id, said] : said_) {
    const NodeRecord* node = change.map().find(id);
    if (node == nullptr || node->state == NodeState::down) continue;
    const NodeRecord* holder = change.map().find_name(said.name);
    const bool is_free = holder == nullptr || holder->id == id || holder->state == NodeState::down;
    const std::string name = is_free ? said.name : node->name;
    if (name != node->name || said.address != node->address) change.rename(id, name, said.address);
  }
}

}  // namespace dht::cluster
