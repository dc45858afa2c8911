// The course of things: trouble, and then quiet.
#include "register_world.h"

#include <algorithm>
#include <chrono>

namespace dht::testing {

namespace {

constexpr Duration kLimitOfQuiet = std::chrono::seconds{60};

}  // namespace

RegisterWorld::RegisterWorld(std::uint64_t seed, std::FILE* trace) : trace_(trace), random_(seed) {
  hosts_.resize(3 + below(4));
  const std::uint64_t paces[] = {500, 2000, 8000, 30000};
  pace_ = std::chrono::microseconds{paces[below(4)]};
  acts_left_ = 40 + below(160);
  reading_ = 10 + below(3) * 20;
  electing_ = 20 + below(3) * 30;
  aim_ = below(3) * 20;
  blank_ = below(3) * 30;
  const BusTrouble trouble{.lost = static_cast<std::uint32_t>(below(3) * 5),
                           .late = static_cast<std::uint32_t>(below(3) * 5),
                           .doubled = static_cast<std::uint32_t>(below(3) * 5)};
  bus_ = std::make_unique<RegisterBus>(timeline_, random_, hosts_.size(), trouble,
                                       [this](Place place, const wire::Call& call) -> std::optional<wire::Answer> {
                                         if (!hosts_[place].is_up()) return std::nullopt;
                                         return hosts_[place].reg->on_call(call);
                                       });
  found();
}

RegisterWorld::~RegisterWorld() { timeline_.remove_all(this); }

void RegisterWorld::run() {
  act_later();
  timeline_.run_until([this] { return acts_left_ == 0 || !fault().empty(); });
  if (!fault().empty()) return;
  calm_down();
  if (!come_to_an_end() && fault().empty() && stall_.empty()) stall_ = "no change was made in quiet";
}

RegisterWorld::Counts RegisterWorld::counts() const {
  Counts counts = counts_;
  counts["operations that ended"] = history_->ended();
  counts["changes that succeeded"] = history_->succeeded();
  counts["virtual milliseconds"] = static_cast<std::uint64_t>(timeline_.now().since_start.count() / 1'000'000);
  return counts;
}

void RegisterWorld::act_later() {
  const auto mean = static_cast<std::uint64_t>(pace_.count());
  later(Duration{static_cast<Duration::rep>(below(2 * mean))}, [this] { act(); });
}

void RegisterWorld::act() {
  if (is_calm_) return;
  const Place place = below(hosts_.size());
  if (chance(70)) {
    use(place);
  } else if (chance(40)) {
    learn(place, chance(50) ? history_->newest() : hosts_[below(hosts_.size())].known);
  } else {
    disturb(place);
  }
  leave_or_rejoin(below(hosts_.size()));
  --acts_left_;
  act_later();
}

void RegisterWorld::use(Place place) {
  const Host& host = hosts_[place];
  if (!host.is_up() || !host.is_member() || host.running.size() >= 3) return;
  if (chance(reading_)) {
    read(place);
  } else if (chance(electing_)) {
    elect(place);
  } else {
    compare_and_set(place);
  }
}

void RegisterWorld::disturb(Place place) {
  const Instant until = timeline_.now() + pace_ * static_cast<Duration::rep>(5 + below(chance(70) ? 20 : 80));
  switch (below(7)) {
    case 0:
      crash(place);
      return bring_back_later(place);
    case 1:
      count("pauses");
      return bus_->hold(place, until);
    case 2:
      count("slow links");
      return bus_->slow_down(place, until);
    case 3:
      count("cuts, towards a node");
      return bus_->cut_in(place, until);
    case 4:
      count("cuts, from a node");
      return bus_->cut_out(place, until);
    case 5:
      count("cuts, both ways");
      bus_->cut_in(place, until);
      return bus_->cut_out(place, until);
    case 6:
      hosts_[place].wants_to_leave = hosts_[place].is_member();
  }
}

/// No more faults, all are back, and everybody knows the newest map that anybody knows.
void RegisterWorld::calm_down() {
  is_calm_ = true;
  say("quiet");
  bus_->heal();
  timeline_.run_for(std::chrono::milliseconds{500});
  for (Place place = 0; place < hosts_.size(); ++place) {
    if (!hosts_[place].is_up()) restart(place, false);
    leave_or_rejoin(place);
  }
  for (Place place = 0; place < hosts_.size(); ++place)
    learn(place, history_->newest());
  const auto is_quiet = [this] {
    return std::all_of(hosts_.begin(), hosts_.end(), [](const Host& host) { return host.running.empty(); });
  };
  if (!timeline_.run_until(is_quiet, kLimitOfQuiet)) stall_ = "an operation did not end";
}

/// Every member can read, and make a change sooner or later.
bool RegisterWorld::come_to_an_end() {
  for (Place place = 0; place < hosts_.size() && fault().empty(); ++place) {
    if (!hosts_[place].is_member()) continue;
    const Instant end = timeline_.now() + kLimitOfQuiet;
    const std::uint64_t before = history_->succeeded();
    while (history_->succeeded() == before) {
      if (timeline_.now() > end || !fault().empty()) return false;
      read(place);
      compare_and_set(place);
      timeline_.run_until([&] { return hosts_[place].running.empty(); }, kLimitOfQuiet);
    }
  }
  return true;
}

}  // namespace dht::testing
