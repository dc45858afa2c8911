#include "support/storm_faults.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>

#include <fmt/format.h>

namespace dht::integration {
namespace {

SteadyClock::duration to_duration(double seconds) {
  return std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

std::string time_of_day() {
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  const std::time_t seconds = ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:02}:{:02}:{:02}.{:03}Z", utc.tm_hour, utc.tm_min, utc.tm_sec, ms % 1000);
}

StormFaults::StormFaults(WholeCluster& cluster, std::uint64_t seed) : cluster_(cluster), random_(seed) {}

StormFaults::Kind StormFaults::draw() {
  if (to_come_.empty()) {
    to_come_ = {Kind::crash, Kind::crash_of_leader, Kind::short_pause, Kind::long_pause, Kind::leave};
    if (cluster_.network().can_cut())
      to_come_.insert(to_come_.end(), {Kind::cut_one_way, Kind::cut_both_ways, Kind::isolation});
    std::ranges::shuffle(to_come_, random_);
  }
  const Kind kind = to_come_.back();
  to_come_.pop_back();
  return kind;
}

std::string StormFaults::next() {
  leader_ = cluster_.leader();
  const Kind kind = draw();
  try {
    carry_out(kind);
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    return fmt::format("{} a fault could not be carried out: {}\n{}", time_of_day(), error.what(), cluster_.describe());
  }
  const auto end = SteadyClock::now();
  const bool is_whole = cluster_.await_whole(calm_after(kind));
  slowest_healing_ = std::max(slowest_healing_, seconds_since(end));
  fmt::print("{} {} after {:.2f} s\n", time_of_day(), is_whole ? "whole" : "not whole", seconds_since(end));
  std::fflush(stdout);
  if (is_whole) forgotten_ += cluster_.forget_former();
  if (is_whole) return {};
  return fmt::format("{} the cluster does not become whole again:\n{}", time_of_day(), cluster_.describe());
}

/// Who was not heard of for nearly a lease may still be missed, and what was lost is sent again only after a while.
SteadyClock::duration StormFaults::calm_after(Kind kind) {
  const bool has_joined = kind == Kind::crash || kind == Kind::crash_of_leader || kind == Kind::leave;
  return has_joined ? 300ms : 1500ms;
}

void StormFaults::carry_out(Kind kind) {
  switch (kind) {
    case Kind::crash:
      return crash(draw_node());
    case Kind::crash_of_leader:
      return crash(leader_);
    case Kind::short_pause:
      return pause(draw_node(), draw_seconds(0.1, 0.9));
    case Kind::long_pause:
      return pause(draw_node(), draw_seconds(0.9, 4));
    case Kind::leave:
      return leave(draw_node());
    case Kind::cut_one_way:
      return cut(false);
    case Kind::cut_both_ways:
      return cut(true);
    case Kind::isolation:
      return isolate(draw_node());
  }
}

void StormFaults::crash(std::size_t victim) {
  // Every third at once: before its lease has ended, so that its predecessor is not yet missed.
  const double seconds = random_() % 3 == 0 ? 0 : draw_seconds(0.1, 4);
  note(victim == leader_ ? "crash of the leader" : "crash",
       fmt::format("{}, started again after {:.2f} s", who(victim), seconds));
  cluster_.crash(victim);
  let_pass(to_duration(seconds));
  cluster_.restart(victim);
  cluster_.join(victim, draw_other(victim));
}

void StormFaults::pause(std::size_t victim, double seconds) {
  note(seconds < 0.9 ? "short pause" : "long pause", fmt::format("{} for {:.2f} s", who(victim), seconds));
  cluster_[victim].process().signal(SIGSTOP);
  let_pass(to_duration(seconds));
  cluster_[victim].process().signal(SIGCONT);
}

void StormFaults::leave(std::size_t victim) {
  const double seconds = draw_seconds(0, 1);
  note("leave and join", fmt::format("{}, away for {:.2f} s", who(victim), seconds));
  cluster_.leave(victim);
  let_pass(to_duration(seconds));
  cluster_.join(victim, draw_other(victim));
}

void StormFaults::cut(bool both_ways) {
  const std::size_t from = draw_node();
  const std::size_t to = draw_other(from);
  const double seconds = draw_seconds(0.2, 3);
  note(both_ways ? "cut both ways" : "cut one way",
       fmt::format("from {} to {} for {:.2f} s", who(from), who(to), seconds));
  cluster_.network().cut(from, to);
  if (both_ways) cluster_.network().cut(to, from);
  let_pass(to_duration(seconds));
  cluster_.network().mend(from, to);
  if (both_ways) cluster_.network().mend(to, from);
}

void StormFaults::isolate(std::size_t victim) {
  const double seconds = draw_seconds(0.2, 3);
  note("isolation", fmt::format("{} from all others, not from clients, for {:.2f} s", who(victim), seconds));
  for (std::size_t other = 0; other < cluster_.size(); ++other) {
    if (other == victim) continue;
    cluster_.network().cut(victim, other);
    cluster_.network().cut(other, victim);
  }
  let_pass(to_duration(seconds));
  for (std::size_t other = 0; other < cluster_.size(); ++other) {
    if (other == victim) continue;
    cluster_.network().mend(victim, other);
    cluster_.network().mend(other, victim);
  }
}

void StormFaults::note(const std::string& kind, const std::string& what) {
  ++counts_[kind];
  fmt::print("{} {}: {}\n", time_of_day(), kind, what);
  std::fflush(stdout);
}

std::string StormFaults::who(std::size_t node) { return fmt::format("n{}{}", node, node == leader_ ? " (leads)" : ""); }

}  // namespace dht::integration
