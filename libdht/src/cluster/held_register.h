// HeldRegister: the simplest real Register. One node holds the newest map; the others reach it through messages; the
// holder hands it over when it leaves. It does not survive the holder's crash.
//
// Thread rule: as Register: one strand.
#pragma once

#include <memory>
#include <optional>

#include <dht/register.h>
#include <dht/scheduler.h>

#include "wire/control.h"

namespace dht::cluster {

class HeldRegister final : public Register {
 public:
  /// How a node that does not hold the register asks the one that does: sends the call and gives the answer back
  /// exactly once; an answer with `outcome_unknown` or `not_applied` where none came.
  using AskHolder = Function<void(wire::Call, Function<void(wire::Answer)>)>;

  HeldRegister(Scheduler& scheduler, AskHolder ask_holder);
  ~HeldRegister() override;

  void read(ReadHandler handler) override;
  void compare_and_set(Revision expected, ClusterMapPtr next, WriteHandler handler) override;

  bool is_holder() const noexcept { return held_ != nullptr; }
  /// From now on this node holds the register, with `map` as the newest.
  void hold(ClusterMapPtr map);
  /// From now on it does not; gives the newest map.
  ClusterMapPtr release();
  /// Answers register_read and register_compare_and_set; refused with not_applied where this node is not the holder.
  wire::Answer on_call(const wire::Call& call);

 private:
  struct Alive;
  void submit(wire::Call call, Function<void(wire::Answer)> handler);
  wire::Answer change(Revision expected, const ClusterMapPtr& next);

  Scheduler& scheduler_;
  AskHolder ask_holder_;
  ClusterMapPtr held_;
  std::shared_ptr<Alive> alive_;
};

}  // namespace dht::cluster
