#include "fault_schedule.h"

#include <algorithm>

namespace dht::testing::simulation {
namespace {

constexpr std::size_t kWeightMax = 4;
constexpr int kAttempts = 4;
constexpr unsigned kCutWhileJoiningPercent = 15;
/// Of the faults around leases, where a run is about them.
constexpr std::size_t kDuelWeight = 8;

}  // namespace

FaultSchedule::FaultSchedule(World& world, Lifecycle& lifecycle, Operator& an_operator, const Endurance& endurance,
                             const Setting& setting, const Trace& trace, std::uint64_t seed)
    : world_(world),
      lifecycle_(lifecycle),
      operator_(an_operator),
      setting_(setting),
      trace_(trace),
      dice_(seed),
      agenda_(world.timeline()),
      network_(world, setting, trace, dice_.roll()),
      processes_(world, lifecycle, endurance, setting, trace, dice_.roll()),
      leases_(world, setting, trace, dice_.roll()) {
  for (const FaultDescription& description : fault_descriptions()) {
    const bool is_setting = description.fault == Fault::slow_storage || description.fault == Fault::disk;
    if (!setting.faults.contains(description.fault) || is_setting) continue;
    const bool is_meant = description.fault == Fault::late_grant || description.fault == Fault::duel;
    const std::size_t weight = setting.duels && is_meant ? kDuelWeight : dice_.between(1, kWeightMax);
    urn_.insert(urn_.end(), weight, description.fault);
  }
  if (setting.storage_delay > Duration{0}) ++counts_[Fault::slow_storage];
  if (setting.durable) ++counts_[Fault::disk];
}

void FaultSchedule::start() {
  running_ = !urn_.empty();
  if (!running_) return;
  if (setting_.duels) processes_.set_clocks_apart();
  strike_later();
}

void FaultSchedule::heal() {
  running_ = false;
  agenda_.clear();
  leases_.end();
  network_.heal();
  processes_.resume_all();
  if (setting_.durable) processes_.restart_all();
  trace_.line("everything is healed");
}

void FaultSchedule::give_up_soon() {
  agenda_.after(dice_.between(Duration{0}, setting_.network.latency_max * 3), [this] {
    if (operator_.give_up_any()) ++counts_[Fault::forget];
  });
}

void FaultSchedule::on_new_map() {
  if (!running_) return;
  if (dice_.percent(setting_.haste_percent)) give_up_soon();
  const bool may_cut = setting_.faults.contains(Fault::two_way_cut);
  if (may_cut && dice_.percent(kCutWhileJoiningPercent) && network_.cut_off_joiner()) ++counts_[Fault::two_way_cut];
  if (!dice_.percent(setting_.chase_percent)) return;
  agenda_.after(dice_.between(Duration{0}, setting_.network.latency_max * 3), [this] { strike(); });
}

void FaultSchedule::strike_later() {
  agenda_.after(dice_.between(Duration{1}, setting_.pace * 2), [this] {
    strike();
    strike_later();
  });
}

void FaultSchedule::strike() {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Fault fault = dice_.pick(urn_);
    if (!inject(fault)) continue;
    ++counts_[fault];
    return;
  }
}

bool FaultSchedule::inject(Fault fault) {
  switch (fault) {
    case Fault::delay:
      return network_.delay();
    case Fault::lost_connection:
      return network_.lose_connections();
    case Fault::one_way_cut:
      return network_.cut(true);
    case Fault::two_way_cut:
      return network_.cut(false);
    case Fault::slow_storage:
    case Fault::disk:
      return false;  // part of the setting
    case Fault::drift:
      return processes_.drift();
    case Fault::wall_clock:
      return processes_.set_wall_clock();
    case Fault::pause:
      return processes_.pause();
    case Fault::process_crash:
      return processes_.crash(MemoryNetwork::Crash::process);
    case Fault::machine_crash:
      return processes_.crash(MemoryNetwork::Crash::machine);
    case Fault::restart:
      return processes_.restart();
    case Fault::join:
      return join();
    case Fault::leave:
      return leave();
    case Fault::forget:
      return operator_.give_up_any();
    case Fault::power_cut:
      return processes_.power_cut();
    case Fault::late_grant:
      return leases_.late_grant();
    case Fault::duel:
      return leases_.duel();
  }
  return false;
}

bool FaultSchedule::join() {
  const std::vector<std::size_t> members = world_.active_members();
  std::vector<std::size_t> alone = world_.all(Standing::alone);
  if (members.empty()) return false;
  if (alone.empty() && world_.size() < setting_.places) alone.push_back(lifecycle_.add());
  if (alone.empty()) return false;
  const std::size_t place = dice_.pick(alone);
  trace_.line("fault: {} is going to join", world_.name(place));
  lifecycle_.join(place, dice_.pick(members));
  return true;
}

bool FaultSchedule::leave() {
  const std::vector<std::size_t> members = world_.active_members();
  if (members.size() < 2) return false;
  const std::size_t place = dice_.pick(members);
  if (lifecycle_.is_hosting(place)) return false;
  trace_.line("fault: {} is going to leave", world_.name(place));
  // One that leaves for good takes nobody in any more, so it may not turn out to be the only one.
  lifecycle_.leave(place, members.size() > 2 && dice_.percent(30));
  return true;
}

}  // namespace dht::testing::simulation
