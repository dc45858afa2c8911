#include "setting.h"

#include <initializer_list>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace dht::testing::simulation {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

milliseconds to_ms(Duration duration) { return std::chrono::duration_cast<milliseconds>(duration); }
double ms(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

constexpr std::size_t kDuelsPercent = 15;
constexpr std::size_t kMovesPercent = 10;

/// Each of those that are allowed, as likely as its percentage says.
FaultSet draw_each(Dice& dice, FaultSet allowed, FaultSet meant, unsigned meant_percent, unsigned others_percent) {
  FaultSet drawn;
  for (const FaultDescription& description : fault_descriptions()) {
    const Fault fault = description.fault;
    if (!allowed.contains(fault)) continue;
    if (dice.percent(meant.contains(fault) ? meant_percent : others_percent)) drawn.insert(fault);
  }
  return drawn;
}

FaultSet set_of(std::initializer_list<Fault> faults) {
  FaultSet set;
  for (const Fault fault : faults)
    set.insert(fault);
  return set;
}

/// Half of the runs see only some of the faults, each as likely as not: what few faults do by themselves is often
/// hidden by the others.
FaultSet draw_faults(Dice& dice, FaultSet allowed) {
  return dice.percent(50) ? allowed : draw_each(dice, allowed, {}, 50, 50);
}

/// What shakes leases, and a few of the others.
FaultSet draw_faults_for_duels(Dice& dice, FaultSet allowed) {
  return draw_each(dice, allowed, set_of({Fault::late_grant, Fault::duel, Fault::drift}), 90, 20);
}

/// What makes partitions move, and a few of the others.
FaultSet draw_faults_for_moves(Dice& dice, FaultSet allowed) {
  return draw_each(dice, allowed, set_of({Fault::join, Fault::leave, Fault::slow_storage}), 95, 15);
}

/// What the run is about, if anything.
void draw_kind(Setting& setting, Dice& dice, FaultSet allowed) {
  const bool may_duel = allowed.contains(Fault::late_grant) || allowed.contains(Fault::duel);
  const std::size_t drawn = dice.below(100);
  setting.duels = may_duel && drawn < kDuelsPercent;
  setting.moves = allowed.contains(Fault::join) && drawn >= kDuelsPercent && drawn < kDuelsPercent + kMovesPercent;
  setting.faults = setting.duels   ? draw_faults_for_duels(dice, allowed)
                   : setting.moves ? draw_faults_for_moves(dice, allowed)
                                   : draw_faults(dice, allowed);
}

void draw_storage(Setting& setting, Dice& dice) {
  if (!setting.faults.contains(Fault::slow_storage) || dice.percent(setting.moves ? 10 : 50)) {
    setting.faults.erase(Fault::slow_storage);
    return;
  }
  setting.storage_delay_max = dice.any_scale(100us, 25ms);
  setting.storage_delay = setting.storage_delay_max / static_cast<int>(dice.between(std::size_t{1}, std::size_t{20}));
}

/// Half of the runs in which nodes may have a disk.
void draw_disk(Setting& setting, Dice& dice) {
  setting.durable = setting.faults.contains(Fault::disk) && dice.percent(50);
  if (!setting.durable) {
    setting.faults.erase(Fault::disk);
    setting.faults.erase(Fault::power_cut);
    return;
  }
  setting.sync_delay_max = dice.any_scale(100us, 25ms);
  setting.sync_delay = setting.sync_delay_max / static_cast<int>(dice.between(std::size_t{1}, std::size_t{20}));
}

void draw_network(Setting& setting, Dice& dice) {
  MemoryNetworkOptions& network = setting.network;
  network.latency_max = dice.any_scale(50us, 20ms);
  network.latency_min = dice.percent(50) ? network.latency_max / 2 : network.latency_max / 50;
  network.connect_timeout = network.latency_max * 4 + dice.any_scale(10ms, 1s);
  network.backoff = dice.any_scale(5ms, 100ms);
  network.patience = network.latency_max * 4 + dice.any_scale(20ms, 2s);
}

/// Timers leave room for a few messages one after the other, so that a healthy cluster is never too slow for itself.
void draw_timers(Setting& setting, Dice& dice) {
  const Duration round_trip =
      setting.network.latency_max * 2 + setting.storage_delay_max * 2 + setting.sync_delay_max * 2;
  NodeOptions& node = setting.node;
  node.partitions = dice.percent(50) ? 8 : 16;
  node.lease =
      to_ms(setting.duels ? dice.any_scale(40ms, 160ms) + round_trip * 8 : dice.any_scale(40ms, 1s) + round_trip * 20);
  node.join_step_timeout = to_ms(dice.any_scale(100ms, 3s) + round_trip * 20);
  node.max_moves_per_node = dice.percent(50) ? 2 : 64;
  node.return_patience = to_ms(dice.any_scale(10ms, 10s));
}

void draw_pace(Setting& setting, Dice& dice) {
  setting.duration = setting.moves ? dice.between(2s, 4s) : dice.between(2s, 8s);
  setting.pace = setting.duels   ? *setting.node.lease * static_cast<int>(dice.between(std::size_t{1}, std::size_t{4}))
                 : setting.moves ? dice.any_scale(20ms, 160ms)
                                 : dice.any_scale(20ms, 1s);
  setting.chase_percent = dice.percent(50) ? 0 : static_cast<unsigned>(dice.between(5, 50));
  if (setting.faults.contains(Fault::forget) && dice.percent(30))
    setting.haste_percent = static_cast<unsigned>(dice.between(10, 100));
}

void draw_clients(Setting& setting, Dice& dice) {
  setting.clients = dice.between(2, 6);
  setting.hot_keys = setting.moves ? dice.between(1, 2) : dice.between(1, 4);
  setting.rest = setting.moves ? dice.any_scale(2ms, 8ms) : dice.any_scale(2ms, 60ms);
  setting.deadline = to_ms(dice.any_scale(100ms, 2s) + setting.network.latency_max * 4);
  setting.ballast = dice.percent(setting.moves ? 60 : 20);
}

/// More copies than members, too.
void draw_replicas(Setting& setting, Dice& dice) {
  const std::size_t drawn = dice.below(100);
  setting.node.replicas = drawn < 25 ? 1 : drawn < 70 ? 2 : 3;
}

}  // namespace

Setting draw_setting(Dice& dice, FaultSet allowed) {
  Setting setting;
  draw_kind(setting, dice, allowed);
  setting.first_members = setting.duels && dice.percent(90) ? dice.between(3, 5) : dice.between(1, 5);
  setting.places = setting.first_members + dice.between(1, 2);
  draw_network(setting, dice);
  draw_storage(setting, dice);
  draw_disk(setting, dice);
  // So that the rates of any two differ by less than 10 %.
  if (setting.faults.contains(Fault::drift)) setting.drift = 45'000;
  draw_timers(setting, dice);
  draw_pace(setting, dice);
  draw_clients(setting, dice);
  draw_replicas(setting, dice);
  return setting;
}

std::string describe(const Setting& setting) {
  std::string faults;
  for (const FaultDescription& description : fault_descriptions()) {
    if (setting.faults.contains(description.fault)) faults += fmt::format(" {}", description.name);
  }
  return fmt::format(
      "{} of {} nodes, {} partitions, {} copies, {} moves at a time; latency {:.3f} to {:.3f} ms, connecting {:.0f} "
      "ms, patience "
      "{:.0f} ms, back-off {:.0f} ms; storage {:.3f} to {:.3f} ms{}; lease {}, join step {}; {} clients on {} "
      "keys, "
      "rest {:.1f} ms, deadline {}{}; faults for {:.1f} s every {:.0f} ms, {} % chase maps, {} % are given up at "
      "once{}:{}",
      setting.first_members, setting.places, *setting.node.partitions, *setting.node.replicas,
      setting.node.max_moves_per_node, ms(setting.network.latency_min), ms(setting.network.latency_max),
      ms(setting.network.connect_timeout), ms(setting.network.patience), ms(setting.network.backoff),
      ms(setting.storage_delay), ms(setting.storage_delay_max),
      setting.durable
          ? fmt::format(", synced in {:.3f} to {:.3f} ms", ms(setting.sync_delay), ms(setting.sync_delay_max))
          : "",
      *setting.node.lease, setting.node.join_step_timeout, setting.clients, setting.hot_keys, ms(setting.rest),
      setting.deadline, setting.ballast ? ", ballast" : "", ms(setting.duration) / 1000, ms(setting.pace),
      setting.chase_percent, setting.haste_percent,
      setting.duels   ? ", duels"
      : setting.moves ? ", moves"
                      : "",
      faults.empty() ? " none" : faults);
}

}  // namespace dht::testing::simulation
