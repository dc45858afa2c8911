#include "lease_faults.h"

#include <algorithm>

namespace dht::testing::simulation {

LeaseFaults::LeaseFaults(World& world, const Setting& setting, const Trace& trace, std::uint64_t seed)
    : world_(world),
      lease_(*setting.node.lease),
      drift_(setting.drift),
      trace_(trace),
      dice_(seed),
      agenda_(world.timeline()) {}

Duration LeaseFaults::percent_of_lease(int least, int most) {
  return dice_.between(lease_ * least / 100, lease_ * most / 100);
}

std::optional<std::size_t> LeaseFaults::awake_leader() {
  const auto leader = world_.leader();
  return leader && !world_.cluster().is_paused(*leader) ? leader : std::nullopt;
}

std::vector<std::size_t> LeaseFaults::awake_besides(std::size_t place) {
  std::vector<std::size_t> places = world_.active_members();
  std::erase_if(places, [&](std::size_t other) { return other == place || world_.cluster().is_paused(other); });
  return places;
}

bool LeaseFaults::late_grant() {
  const auto leader = awake_leader();
  const std::vector<std::size_t> others = leader ? awake_besides(*leader) : std::vector<std::size_t>{};
  if (others.empty()) return false;
  const std::size_t node = dice_.pick(others);
  if (dice_.percent(50)) slow_clock_of(node);
  const Duration late = percent_of_lease(5, 100);
  const Duration silent_from = percent_of_lease(0, 100);
  const Duration silent_for = percent_of_lease(90, 300);
  if (dice_.percent(40)) {
    stand_still(node, late);
  } else {
    slow_one_way(*leader, node, late);
  }
  const Instant now = world_.timeline().now();
  trace_.line("fault: {} hears its leader {} s late, which does not hear it from {} to {}", world_.name(node),
              in_seconds(Instant{late}), in_seconds(now + silent_from), in_seconds(now + silent_from + silent_for));
  agenda_.after(silent_from, [this, node, leader = *leader] { cut_one_way(node, leader); });
  agenda_.after(silent_from + silent_for, [this, node, leader = *leader] { heal(node, leader); });
  return true;
}

std::optional<LeaseFaults::Duel> LeaseFaults::draw_duel() {
  const auto leader = awake_leader();
  const ClusterMapPtr map = world_.newest_map();
  if (is_duelling_ || !leader || !map) return std::nullopt;
  Duel duel{.leader = *leader, .others = awake_besides(*leader)};
  std::vector<std::size_t> rivals = duel.others;
  std::erase_if(rivals, [&](std::size_t place) { return !map->is_voter(world_.cluster().node(place).id()); });
  if (rivals.size() < 2) return std::nullopt;
  duel.rival = dice_.pick(rivals);
  std::erase(duel.others, duel.rival);
  // Not so late that the leader calls the rival down before.
  duel.silent_from = percent_of_lease(0, 70);
  duel.silent_for = percent_of_lease(90, 150);
  duel.end = duel.silent_from + duel.silent_for + percent_of_lease(50, 200);
  return duel;
}

bool LeaseFaults::duel() {
  const auto duel = draw_duel();
  if (!duel) return false;
  is_duelling_ = true;
  if (dice_.percent(50)) slow_clock_of(duel->leader);
  trace_.line("fault: {} and {} do not hear each other, and nobody hears the first from {} to {}",
              world_.name(duel->leader), world_.name(duel->rival),
              in_seconds(world_.timeline().now() + duel->silent_from),
              in_seconds(world_.timeline().now() + duel->silent_from + duel->silent_for));
  cut_one_way(duel->leader, duel->rival);
  if (dice_.percent(70)) cut_one_way(duel->rival, duel->leader);
  agenda_.after(duel->silent_from, [this, duel = *duel] { silence(duel); });
  agenda_.after(duel->end, [this, duel = *duel] {
    is_duelling_ = false;
    heal(duel.leader, duel.rival);
  });
  return true;
}

void LeaseFaults::silence(const Duel& duel) {
  if (dice_.percent(50)) {
    stand_still(duel.leader, duel.silent_for);
  } else {
    const bool both_ways = dice_.percent(50);
    for (const std::size_t other : duel.others) {
      cut_one_way(duel.leader, other);
      if (both_ways) cut_one_way(other, duel.leader);
    }
    agenda_.after(duel.silent_for, [this, duel] {
      for (const std::size_t other : duel.others)
        heal(duel.leader, other);
    });
  }
  slow_down_votes(duel);
}

/// So that an election takes a while.
void LeaseFaults::slow_down_votes(const Duel& duel) {
  const bool are_answers_slow = dice_.percent(40);
  const bool are_questions_slow = dice_.percent(60);
  for (const std::size_t other : duel.others) {
    if (are_answers_slow) slow_one_way(other, duel.rival, percent_of_lease(2, 40));
    if (are_questions_slow) slow_one_way(duel.rival, other, percent_of_lease(2, 40));
  }
  agenda_.after(duel.silent_for + percent_of_lease(-10, 50), [this, duel] {
    for (const std::size_t other : duel.others)
      heal(duel.rival, other);
  });
}

/// So that what it holds lasts as long as it can, in the eyes of the others.
void LeaseFaults::slow_clock_of(std::size_t place) {
  if (drift_ == 0) return;
  trace_.line("the clock of {} runs as slow as it may, and the others as fast", world_.name(place));
  for (const std::size_t other : world_.running())
    world_.cluster().scheduler(other).set_clock_rate(other == place ? -drift_ : drift_);
}

void LeaseFaults::stand_still(std::size_t place, Duration length) {
  if (!world_.is_running(place) || world_.cluster().is_paused(place)) return;
  world_.cluster().pause(place);
  agenda_.after(length, [this, place, incarnation = world_.incarnation(place)] {
    if (world_.incarnation(place) == incarnation) world_.cluster().resume(place);
  });
}

void LeaseFaults::cut_one_way(std::size_t from, std::size_t to) {
  world_.cluster().network().cut_one_way(world_.cluster().address(from), world_.cluster().address(to));
}

void LeaseFaults::slow_one_way(std::size_t from, std::size_t to, Duration extra) {
  world_.cluster().network().slow_one_way(world_.cluster().address(from), world_.cluster().address(to), extra);
}

void LeaseFaults::heal(std::size_t a, std::size_t b) {
  world_.cluster().network().heal(world_.cluster().address(a), world_.cluster().address(b));
}

}  // namespace dht::testing::simulation
