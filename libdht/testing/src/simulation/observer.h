// Observer: looks at all running nodes, at random moments and shortly after each control message, and judges what it
// sees.
//
// Thread rule: that of the timeline.
#pragma once

#include <cstddef>
#include <map>

#include <dht/function.h>

#include "agenda.h"
#include "dice.h"
#include "endurance.h"
#include "findings.h"
#include "properties/map_chain.h"
#include "properties/no_lease_while_down.h"
#include "trace.h"
#include "world.h"

namespace dht::testing::simulation {

class Observer {
 public:
  Observer(World& world, Findings& findings, const Trace& trace, std::uint64_t seed);

  void start();
  /// Is told of each map of the home cluster that is newer than all before.
  void on_new_map(Function<void(const ClusterMapPtr&)> listener) { on_new_map_ = std::move(listener); }
  /// Is told of a member that is not at home any more.
  void on_cast_out(Function<void(std::size_t)> listener) { on_cast_out_ = std::move(listener); }
  /// Is told of a node outside of the home cluster that is not alone.
  void on_guest(Function<void(std::size_t)> listener) { on_guest_ = std::move(listener); }
  void look();
  const Endurance& endurance() const noexcept { return endurance_; }

 private:
  void look_again();
  void look_soon();
  void note_map(NodeId node, const ClusterMapPtr& map);

  World& world_;
  Findings& findings_;
  const Trace& trace_;
  Dice dice_;
  Agenda agenda_;
  MapChain chain_;
  DownBook down_;
  Endurance endurance_;
  std::map<std::size_t, ClusterMapPtr> seen_;     ///< by place, the last map
  std::map<std::size_t, unsigned> incarnations_;  ///< that were seen there
  Revision newest_ = 0;                           ///< of the home cluster
  bool looks_soon_ = false;
  Function<void(const ClusterMapPtr&)> on_new_map_;
  Function<void(std::size_t)> on_cast_out_;
  Function<void(std::size_t)> on_guest_;
};

}  // namespace dht::testing::simulation
