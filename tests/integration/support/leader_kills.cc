#include "support/leader_kills.h"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

namespace dht::integration {

bool joins_eventually(TestNode& node, const TestNode& member) {
  return eventually([&] { return node.http().post("/dht/join", member.peer()).status == 200; });
}

LeaderKills::LeaderKills() : nodes_(start_cluster(5)), guest_({.name = "guest"}) { await_whole(); }

Takeover LeaderKills::next() {
  const std::size_t killed = leader();
  TestNode& dead = nodes_[killed];
  TestNode& survivor = nodes_[(killed + 1) % nodes_.size()];
  const auto start = SteadyClock::now();
  dead.crash();
  Takeover takeover;
  CHECK(eventually([&] { return survivor.view().leader != dead.name(); }));
  takeover.leader = seconds_since(start);
  CHECK(joins_eventually(guest_, survivor));
  takeover.change = seconds_since(start);

  guest_.leave();
  dead.restart();
  CHECK(joins_eventually(dead, survivor));
  await_whole();
  return takeover;
}

std::size_t LeaderKills::leader() {
  const std::string name = nodes_[0].view().leader;
  const auto found = std::ranges::find_if(nodes_, [&](const TestNode& node) { return node.name() == name; });
  return static_cast<std::size_t>(found - nodes_.begin());
}

/// So that the next kill finds a cluster that can stand it: all vote, nothing moves.
void LeaderKills::await_whole() {
  CHECK(eventually([&] {
    return all_settled(nodes_) && std::ranges::all_of(nodes_, [](TestNode& node) {
             return node.is_ready() && node.view().voters.size() == 5;
           });
  }));
}

}  // namespace dht::integration
