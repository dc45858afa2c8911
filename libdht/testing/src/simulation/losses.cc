#include "losses.h"

#include <set>
#include <utility>

#include <dht/partitioner.h>

namespace dht::testing::simulation {

void Losses::give_up(std::string_view name) {
  const ClusterMapPtr map = desk_.world().newest_map();
  for (const NodeRecord& node : map->nodes) {
    if (node.name == name) given_up_.emplace(node.id, desk_.world().timeline().now());
  }
}

void Losses::follow(const ClusterMapPtr& map, const std::set<std::string>& keys,
                    const std::set<std::string>& arriving) {
  const ClusterMapPtr before = std::exchange(map_, map);
  if (!before) return;
  const HashSlotPartitioner partitioner;
  const auto lose_those_of = [&](const std::set<std::string>& some, bool are_certain) {
    for (const std::string& key : some) {
      const PartitionId partition = partitioner.partition_of(key, map->settings.partitions);
      const PartitionRecord& old = before->partitions[partition];
      if (map->partitions[partition].empty_from == old.empty_from) continue;
      const auto said = given_up_.find(old.primary);
      // Nobody accepted it: no loss explains what clients see then.
      if (said != given_up_.end()) lose(key, said->second, are_certain);
    }
  };
  lose_those_of(keys, true);
  lose_those_of(arriving, false);
}

void Losses::lose(const std::string& key, Instant since, bool is_certain) {
  Operation loss{.kind = Operation::Kind::loss, .invoked = since, .by = "an operator"};
  if (is_certain) {
    loss.outcome = Operation::Outcome::done;
    loss.returned = desk_.world().timeline().now();
  }
  desk_.ledger().write(key, std::move(loss));
}

}  // namespace dht::testing::simulation
