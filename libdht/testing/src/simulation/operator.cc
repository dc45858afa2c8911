#include "operator.h"

#include <algorithm>

#include <fmt/format.h>

namespace dht::testing::simulation {

std::vector<NodeRecord> Operator::down() {
  std::vector<NodeRecord> nodes;
  if (const ClusterMapPtr map = desk_.world().newest_map()) nodes = map->nodes;
  std::erase_if(nodes,
                [this](const NodeRecord& node) { return node.state != NodeState::down || asked_.contains(node.id); });
  return nodes;
}

bool Operator::give_up_any() {
  std::vector<NodeRecord> nodes = down();
  std::erase_if(nodes, [this](const NodeRecord& node) { return is_hosting(node); });
  return !nodes.empty() && give_up(dice_.pick(nodes));
}

void Operator::give_up_dead() {
  World& world = desk_.world();
  std::set<NodeId> at_home;
  for (const std::size_t place : world.running()) {
    if (world.is_at_home(place)) at_home.insert(world.cluster().node(place).id());
  }
  for (const NodeRecord& node : down()) {
    if (!at_home.contains(node.id)) give_up(node);
  }
}

/// One that is given up is in a cluster of its own, like one that leaves.
bool Operator::is_hosting(const NodeRecord& node) {
  World& world = desk_.world();
  for (const std::size_t place : world.running()) {
    if (world.name(place) == node.name) return lifecycle_.is_hosting(place);
  }
  return false;
}

bool Operator::give_up(const NodeRecord& node) {
  World& world = desk_.world();
  // Where all that live are leaving, one of those is asked.
  std::vector<std::size_t> members = world.active_members();
  if (members.empty()) members = world.all(Standing::leaving);
  std::erase_if(members, [&](std::size_t place) {
    return world.cluster().is_paused(place) || !world.is_at_home(place) || world.cluster().node(place).id() == node.id;
  });
  if (members.empty()) return false;
  const std::size_t place = dice_.pick(members);
  trace_.line("{} is given up, says an operator on {}", node.name, world.name(place));
  losses_.give_up(node.name);
  asked_.insert(node.id);
  const AnswerBook::Ticket ticket = desk_.answers().ask(fmt::format("forget of {}", node.name));
  world.cluster().node(place).forget(node.name, [this, ticket, node](const Status& status) {
    desk_.findings().add("answered once", desk_.answers().answer(ticket));
    trace_.line("{} was given up: {}", node.name, status ? status.message : "done");
    asked_.erase(node.id);
  });
  return true;
}

}  // namespace dht::testing::simulation
