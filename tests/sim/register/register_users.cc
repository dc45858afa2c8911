// The users: what they want of the registers, and what they make of the map.
#include <algorithm>
#include <memory>
#include <utility>

#include "register_world.h"

namespace dht::testing {

RegisterHistory::OperationId RegisterWorld::begin(Place place, std::string_view kind) {
  const auto operation = history_->begin();
  count(kind);
  hosts_[place].running.insert(operation);
  say("place {}: operation {} begins ({})", place, operation, kind);
  return operation;
}

void RegisterWorld::end(Place place, RegisterHistory::OperationId operation, std::error_code error,
                        const ClusterMapPtr& newest) {
  hosts_[place].running.erase(operation);
  say("place {}: operation {} ends: {}{}", place, operation, error ? error.message() : "done",
      newest ? fmt::format(", revision {}, proposal {}", newest->revision, newest->partitions[0].epoch) : "");
  if (newest != nullptr) learn(place, newest);
}

void RegisterWorld::read(Place place) {
  const auto operation = begin(place, "reads");
  hosts_[place].reg->read([this, place, operation](std::error_code error, const ClusterMapPtr& newest) {
    end(place, operation, error, newest);
    history_->end_read(operation, error, newest);
  });
}

void RegisterWorld::compare_and_set(Place place) {
  const auto operation = begin(place, "changes");
  const ClusterMapPtr base = hosts_[place].known;
  const ClusterMapPtr next = history_->propose(operation, base, next_of(*base));
  say("place {}: proposal {} of operation {} is revision {}: {}", place, next->partitions[0].epoch, operation,
      next->revision, trace_ ? to_string(*next) : "");
  hosts_[place].reg->compare_and_set(base->revision, next,
                                     [this, place, operation](std::error_code error, const ClusterMapPtr& newest) {
                                       end(place, operation, error, newest);
                                       history_->end_change(operation, error, newest);
                                     });
}

void RegisterWorld::elect(Place place) {
  const auto operation = begin(place, "elections");
  auto change = [this, place, operation](const ClusterMapPtr& newest) -> ClusterMapPtr {
    const NodeId self = hosts_[place].id;
    if (!newest->is_voter(self) || chance(10)) return nullptr;
    ClusterMap next = chance(70) ? next_of(*newest) : *newest;
    next.revision = newest->revision + 1;
    ++next.generation;
    if (next.is_voter(self)) next.leader = self;
    next.partitions[0].primary = next.leader;
    const ClusterMapPtr map = history_->propose(operation, newest, std::move(next));
    say("place {}: proposal {} of operation {} is revision {}: {}", place, map->partitions[0].epoch, operation,
        map->revision, trace_ ? to_string(*map) : "");
    return map;
  };
  hosts_[place].reg->elect(std::move(change),
                           [this, place, operation](std::error_code error, const ClusterMapPtr& newest, auto) {
                             end(place, operation, error, newest);
                             history_->end_change(operation, error, newest);
                           });
}

/// A map that may follow: other members, other voters, or neither.
ClusterMap RegisterWorld::next_of(const ClusterMap& base) {
  ClusterMap next = base;
  ++next.revision;
  if (chance(50)) change_members(next);
  if (chance(base.next_voters.empty() ? 40 : 70)) change_voters(next, base);
  if (!next.is_voter(next.leader)) {
    next.leader = next.voters[below(next.voters.size())];
    ++next.generation;
  }
  next.partitions[0].primary = next.leader;
  return next;
}

/// Takes in who is there, and out who is lost or wants to leave, as soon as they have no vote.
void RegisterWorld::change_members(ClusterMap& map) {
  std::erase_if(map.nodes, [&](const NodeRecord& node) { return !map.is_voter(node.id) && is_going_or_gone(node.id); });
  for (Place place = 0; place < hosts_.size(); ++place) {
    const NodeId id = hosts_[place].id;
    if (map.find(id) != nullptr || is_going_or_gone(id) || chance(10)) continue;
    map.nodes.push_back({id, "n" + std::to_string(id.value), address_of(place), NodeState::active});
    std::sort(map.nodes.begin(), map.nodes.end(), [](const NodeRecord& a, const NodeRecord& b) { return a.id < b.id; });
  }
}

/// Goes on with a change of voters, or begins one. Only who was a member before the change is asked to be a voter.
void RegisterWorld::change_voters(ClusterMap& map, const ClusterMap& base) {
  if (!map.next_voters.empty()) {
    map.voters = std::exchange(map.next_voters, {});
    if (chance(80)) return;
  }
  std::vector<NodeId> candidates;
  for (const NodeRecord& node : map.nodes) {
    if (!is_going_or_gone(node.id) && base.find(node.id) != nullptr) candidates.push_back(node.id);
  }
  std::shuffle(candidates.begin(), candidates.end(), random_);
  const std::size_t wanted = chance(20) ? 5 : chance(80) ? 3 : 1;
  if (candidates.size() > wanted) candidates.resize(wanted);
  if (candidates.size() % 2 == 0 && !candidates.empty()) candidates.pop_back();
  map.next_voters = std::move(candidates);
}

}  // namespace dht::testing
