#include "observer.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "properties/one_primary.h"

namespace dht::testing::simulation {
namespace {

constexpr Duration kInterval = std::chrono::milliseconds(5);
/// Longer than any round of the register that can still end well.
constexpr Duration kMemory = std::chrono::seconds(3);
/// What a message brings about has happened by then.
constexpr Duration kAftermath = std::chrono::microseconds(1);

std::string describe(const ClusterMap& map) {
  std::string text;
  for (const NodeRecord& node : map.nodes) {
    std::size_t primary = 0;
    for (const PartitionRecord& partition : map.partitions)
      primary += partition.primary == node.id ? 1 : 0;
    text += fmt::format("; {} {}, {} partitions", node.name, to_string(node.state), primary);
  }
  std::size_t moving = 0;
  for (const PartitionRecord& partition : map.partitions)
    moving += partition.learners.empty() ? 0 : 1;
  const NodeRecord* const leader = map.find(map.leader);
  return fmt::format("map {}: {} leads in generation {}, {} voters{}, {} partitions on the move{}", map.revision,
                     leader->name, map.generation, map.voters.size(),
                     map.next_voters.empty() ? "" : fmt::format(" and {} to come", map.next_voters.size()), moving,
                     text);
}

}  // namespace

Observer::Observer(World& world, Findings& findings, const Trace& trace, std::uint64_t seed)
    : world_(world),
      findings_(findings),
      trace_(trace),
      dice_(seed),
      agenda_(world.timeline()),
      endurance_(kMemory),
      on_new_map_([](const ClusterMapPtr&) {}),
      on_cast_out_([](std::size_t) {}),
      on_guest_([](std::size_t) {}) {}

void Observer::start() {
  world_.cluster().network().set_filter([this](const Address&, const Address&, Lane lane, Frame) {
    if (lane == Lane::control) look_soon();
    return true;
  });
  look_again();
}

void Observer::look_again() {
  look();
  agenda_.after(dice_.between(Duration{1}, kInterval * 2), [this] { look_again(); });
}

void Observer::look_soon() {
  if (std::exchange(looks_soon_, true)) return;
  agenda_.after(kAftermath, [this] {
    looks_soon_ = false;
    look();
  });
}

void Observer::look() {
  std::vector<Claim> claims;
  std::vector<DownBook::Holder> holders;
  std::vector<std::size_t> cast_out;
  std::vector<std::size_t> hosts;
  std::optional<NodeStatus> leader;
  bool leader_leaves = false;
  for (const std::size_t place : world_.running()) {
    NodeStatus status = world_.cluster().node(place).status();
    const bool is_at_home = status.map->cluster == world_.home();
    if (!is_at_home && world_.standing(place) == Standing::member) cast_out.push_back(place);
    if (!is_at_home && status.map->nodes.size() > 1) hosts.push_back(place);
    const unsigned incarnation = world_.incarnation(place);
    if (std::exchange(incarnations_[place], incarnation) != incarnation) chain_.restart(status.id);
    if (std::exchange(seen_[place], status.map) != status.map) note_map(status.id, status.map);
    if (is_at_home && (status.ready || !status.serving.empty())) holders.push_back({world_.name(place), status.id});
    claims.push_back({world_.name(place), status.map->cluster, std::move(status.serving)});
    const bool leads = is_at_home && status.map->leader == status.id;
    if (leads && (!leader || leader->map->generation < status.map->generation)) {
      leader = std::move(status);
      leader_leaves = world_.standing(place) == Standing::leaving;
    }
  }
  findings_.add("one primary", two_primaries(claims));
  findings_.add("no lease while down", down_.down_with_lease(holders));
  endurance_.look(world_.timeline().now(), leader ? &*leader : nullptr, leader_leaves);
  for (const std::size_t place : cast_out)
    on_cast_out_(place);
  for (const std::size_t place : hosts)
    on_guest_(place);
}

void Observer::note_map(NodeId node, const ClusterMapPtr& map) {
  findings_.add("one chain", chain_.see(node, map));
  findings_.add("sound maps", violation(*map));
  if (map->cluster != world_.home() || map->revision <= newest_) return;
  newest_ = map->revision;
  down_.adopt(*map);
  if (trace_.is_on()) trace_.line("{}", describe(*map));
  on_new_map_(map);
}

}  // namespace dht::testing::simulation
