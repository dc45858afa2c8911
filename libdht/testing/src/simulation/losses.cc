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
/// second time. What an earlier loss allowed is allowed once more, however often that was said: else it would double.
void Losses::allow_merges(const std::string& key, Instant since, bool is_arriving) {
  const History& history = desk_.ledger().histories().at(key);
  std::set<std::size_t>& repeats = repeats_[key];
  std::vector<Operation> again;
  std::set<std::pair<Version, std::string>> allowed;
  const auto allow = [&](const Operation& operation, Entry entry) {
    allowed.emplace(entry.version, entry.value.view());
    Operation& merge = again.emplace_back(Operation{.kind = Operation::Kind::merge, .invoked = since});
    merge.by = operation.by;
    merge.entry = std::move(entry);
  };
  std::size_t puts = is_arriving ? kPutsOnTheirWay : 0;
  for (std::size_t at = history.size(); at-- > 0;) {
    const Operation& operation = history[at];
    const bool is_open = operation.returned == Operation::kNever;
    if (operation.kind == Operation::Kind::merge && is_open && !repeats.contains(at)) {
      allow(operation, *operation.entry);
    } else if (operation.kind == Operation::Kind::put && puts > 0) {
      --puts;
      allow(operation, {Value(operation.value), operation.version});
    }
  }
  for (const std::size_t at : repeats) {
    const Entry& entry = *history[at].entry;
    if (!allowed.contains({entry.version, std::string(entry.value.view())})) allow(history[at], entry);
  }
  for (Operation& merge : again) {
    repeats.insert(history.size());
    desk_.ledger().write(key, std::move(merge));
  }
}

}  // namespace dht::testing::simulation
