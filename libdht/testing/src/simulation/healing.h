// Healing: the end of a run. Nothing fails any more; the dead are given up, nodes outside join; the cluster must come
// to rest within a bounded time and then serve every key on every member.
//
// Thread rule: from outside of the timeline's tasks, which it runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "desk.h"
#include "dice.h"
#include "lifecycle.h"
#include "operator.h"
#include "setting.h"
#include "shelves.h"
#include "trace.h"
#include "workload.h"

namespace dht::testing::simulation {

class Healing {
 public:
  Healing(Desk& desk, Workload& workload, Lifecycle& lifecycle, Operator& an_operator, const Shelves& shelves,
          const Setting& setting, const Trace& trace, std::uint64_t seed);

  /// What is missing goes to the findings.
  void run();

 private:
  bool come_to_rest();
  void end_clients();
  void use_every_key();
  /// Asks and waits for the answer, which is to be a success.
  void use(std::size_t place, const std::string& key, Operation operation);

  /// Why the cluster is not at rest.
  std::optional<Finding> restlessness();
  void bring_home();
  void end_castaways();
  std::vector<NodeStatus> members();
  Duration patience() const;
  void stall(std::string reason);
  bool run_until(Function<bool()> predicate, Duration limit);

  Desk& desk_;
  World& world_;
  Workload& workload_;
  Lifecycle& lifecycle_;
  Operator& operator_;
  const Shelves& shelves_;
  const Setting setting_;
  const Trace& trace_;
  Dice dice_;
};

}  // namespace dht::testing::simulation
