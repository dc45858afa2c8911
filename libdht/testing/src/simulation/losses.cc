#include "losses.h"

#include <set>
#include <utility>
#include <vector>

#include <dht/partitioner.h>

namespace dht::testing::simulation {
namespace {

/// Of a key that its clients write while it is brought: the one in the batch under way, and the one after that.
constexpr std::size_t kPutsOnTheirWay = 2;

}  // namespace

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
  allow_merges(key, since, !is_certain);
}

/// The numbers of a joiner's batches are lost with the copy: what was on its way, or not acknowledged, may be merged a
/// second time.
void Losses::allow_merges(const std::string& key, Instant since, bool is_arriving) {
  std::size_t puts = is_arriving ? kPutsOnTheirWay : 0;
  std::vector<Operation> again;
  const History& history = desk_.ledger().histories().at(key);
  for (auto at = history.rbegin(); at != history.rend(); ++at) {
    const Operation& operation = *at;
    const bool is_merge = operation.kind == Operation::Kind::merge && operation.returned == Operation::kNever;
    const bool is_put = operation.kind == Operation::Kind::put && puts > 0;
    if (!is_merge && !is_put) continue;
    if (is_put) --puts;
    Operation merge{.kind = Operation::Kind::merge, .invoked = since, .by = operation.by};
    merge.entry = is_merge ? operation.entry : Entry{Value(operation.value), operation.version};
    again.push_back(std::move(merge));
  }
  for (Operation& merge : again)
    desk_.ledger().write(key, std::move(merge));
}

}  // namespace dht::testing::simulation
