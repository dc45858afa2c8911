// What tests put into a cluster, and what must hold of it when it is quiet.
//
// Thread rule: the one thread of the timeline.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <dht/testing/cluster.h>

namespace scenario {

/// The value that a node's clients read, or "nothing".
std::string read(dht::testing::Cluster& cluster, std::size_t node, std::string_view key);

/// Puts `prefix`0, `prefix`1... through the node, each with the value "v".
void fill(dht::testing::Cluster& cluster, std::size_t node, const std::string& prefix, int count);

/// The keys that a node lists as its own, page by page.
std::vector<std::string> listed_keys(dht::testing::Cluster& cluster, std::size_t node);

/// The running node that leads according to the map of `seen_by`; the number of nodes where none of them does.
std::size_t leader_of(dht::testing::Cluster& cluster, std::size_t seen_by);

/// The state in which `seen_by` lists node `i`, by its name; none where it lists no such node.
std::optional<dht::NodeState> state_of(dht::testing::Cluster& cluster, std::size_t seen_by, std::size_t i);

bool is_down(dht::testing::Cluster& cluster, std::size_t seen_by, std::size_t i);

/// The first thing that is wrong, as a sentence; empty where all is well: the nodes have one map, it is sound, nothing
/// is under way, every node is primary for its even share within one, and no key is listed twice.
std::string trouble(dht::testing::Cluster& cluster, const std::vector<std::size_t>& nodes);

}  // namespace scenario
