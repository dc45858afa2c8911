#include "process_faults.h"

#include <algorithm>
#include <vector>

namespace dht::testing::simulation {
namespace {

using namespace std::chrono_literals;

/// Well below the minute at which a joining node is refused.
constexpr Duration kWallOffsetMax = 5s;
constexpr unsigned kLeaderPercent = 30;
/// How often somebody watches over a process and starts it again at once.
constexpr unsigned kSupervisedPercent = 40;

}  // namespace

ProcessFaults::ProcessFaults(World& world, Lifecycle& lifecycle, const Endurance& endurance, const Setting& setting,
                             const Trace& trace, std::uint64_t seed)
    : world_(world),
      lifecycle_(lifecycle),
      endurance_(endurance),
      setting_(setting),
      trace_(trace),
      dice_(seed),
      agenda_(world.timeline()) {}

std::optional<std::size_t> ProcessFaults::draw_running() {
  std::vector<std::size_t> candidates = world_.running();
  std::erase_if(candidates, [this](std::size_t place) { return world_.cluster().is_paused(place); });
  if (candidates.empty()) return std::nullopt;
  const auto leader = world_.leader();
  if (leader && !world_.cluster().is_paused(*leader) && dice_.percent(kLeaderPercent)) return leader;
  return dice_.pick(candidates);
}

bool ProcessFaults::may_crash(std::size_t place) {
  if (setting_.durable) return true;  // and comes back
  if (world_.standing(place) == Standing::alone) return true;
  std::vector<std::size_t> others = world_.active_members();
  std::erase(others, place);
  const ClusterMapPtr map = world_.newest_map();
  if (others.empty() || !map) return false;
  const auto leader = world_.leader();
  const bool leader_leaves = leader && world_.standing(*leader) == Standing::leaving;
  return endurance_.bears(world_.timeline().now(), *map, leader_leaves, world_.running_ids(),
                          world_.cluster().node(place).id());
}

bool ProcessFaults::crash(MemoryNetwork::Crash kind) {
  const auto place = draw_running();
  if (!place || !may_crash(*place)) return false;
  if (kind == MemoryNetwork::Crash::process && dice_.percent(30)) {
    trace_.line("fault: {} ends without leaving", world_.name(*place));
    lifecycle_.stop(*place);
  } else {
    trace_.line("fault: the {} of {} crashes", kind == MemoryNetwork::Crash::process ? "process" : "machine",
                world_.name(*place));
    lifecycle_.crash(*place, kind);
  }
  if (setting_.faults.contains(Fault::restart) && dice_.percent(kSupervisedPercent)) restart_soon(*place);
  return true;
}

void ProcessFaults::restart_soon(std::size_t place) {
  agenda_.after(dice_.any_scale(1ms, 500ms), [this, place] {
    if (!world_.is_running(place)) restart(place);
  });
}

void ProcessFaults::restart(std::size_t place) {
  trace_.line("fault: {} starts again", world_.name(place));
  lifecycle_.restart(place);
  if (world_.standing(place) == Standing::member) return;
  const std::vector<std::size_t> members = world_.active_members();
  if (!members.empty() && dice_.percent(50)) lifecycle_.join(place, dice_.pick(members));
}

bool ProcessFaults::restart() {
  const std::vector<std::size_t> gone = world_.all(Standing::gone);
  if (gone.empty()) return false;
  restart(dice_.pick(gone));
  return true;
}

bool ProcessFaults::power_cut() {
  std::vector<std::size_t> victims = world_.running();
  if (dice_.percent(50)) std::erase_if(victims, [this](std::size_t) { return dice_.percent(50); });
  if (victims.empty()) return false;
  trace_.line("fault: {} of {} nodes lose power", victims.size(), world_.running().size());
  for (const std::size_t place : victims) {
    lifecycle_.crash(place, MemoryNetwork::Crash::machine);
    const Duration outage = dice_.any_scale(1ms, 3s);
    agenda_.after(outage, [this, place] {
      if (!world_.is_running(place)) restart(place);
    });
  }
  return true;
}

void ProcessFaults::restart_all() {
  for (const std::size_t place : world_.all(Standing::gone))
    restart(place);
}

bool ProcessFaults::pause() {
  const auto place = draw_running();
  if (!place) return false;
  const Duration length = dice_.any_scale(1ms, 5s);
  trace_.line("fault: {} stands still, until {}", world_.name(*place), in_seconds(world_.timeline().now() + length));
  world_.cluster().pause(*place);
  agenda_.after(length, [this, place = *place, incarnation = world_.incarnation(*place)] {
    if (world_.incarnation(place) == incarnation) world_.cluster().resume(place);
  });
  return true;
}

bool ProcessFaults::drift() {
  const auto place = draw_running();
  if (!place) return false;
  set_clock_rate(*place, draw_rate());
  return true;
}

std::int64_t ProcessFaults::draw_rate() {
  if (dice_.percent(50)) return dice_.percent(50) ? setting_.drift : -setting_.drift;
  return static_cast<std::int64_t>(dice_.below(static_cast<std::size_t>(2 * setting_.drift) + 1)) - setting_.drift;
}

void ProcessFaults::set_clock_rate(std::size_t place, std::int64_t rate) {
  trace_.line("fault: the clock of {} gains {} millionths", world_.name(place), rate);
  world_.cluster().scheduler(place).set_clock_rate(rate);
}

void ProcessFaults::set_clocks_apart() {
  for (const std::size_t place : world_.running())
    set_clock_rate(place, dice_.percent(50) ? setting_.drift : -setting_.drift);
}

bool ProcessFaults::set_wall_clock() {
  const auto place = draw_running();
  if (!place) return false;
  const Duration offset = dice_.between(-kWallOffsetMax, kWallOffsetMax);
  trace_.line("fault: the wall clock of {} is set {} ms ahead", world_.name(*place), offset / 1ms);
  world_.cluster().scheduler(*place).set_wall_offset(std::chrono::duration_cast<std::chrono::milliseconds>(offset));
  return true;
}

void ProcessFaults::resume_all() {
  agenda_.clear();
  for (const std::size_t place : world_.running()) {
    if (world_.cluster().is_paused(place)) world_.cluster().resume(place);
  }
}

}  // namespace dht::testing::simulation
