#include "network_faults.h"

namespace dht::testing::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLatencyMax = 200ms;
constexpr unsigned kLeadersPairPercent = 30;

std::string to_string(const std::vector<std::pair<std::size_t, std::size_t>>& pairs) {
  std::string text;
  for (const auto& [a, b] : pairs)
    text += fmt::format(" {}-{}", a, b);
  return text;
}

}  // namespace

NetworkFaults::NetworkFaults(World& world, const Setting& setting, const Trace& trace, std::uint64_t seed)
    : world_(world),
      options_(setting.network),
      lease_(*setting.node.lease),
      join_step_(setting.node.join_step_timeout),
      trace_(trace),
      dice_(seed),
      agenda_(world.timeline()) {}

Duration NetworkFaults::draw_length() { return dice_.any_scale(1ms, 3s); }

void NetworkFaults::set_latency(int factor) {
  world_.cluster().network().set_latency(options_.latency_min, std::min(options_.latency_max * factor, kLatencyMax));
}

bool NetworkFaults::delay() {
  if (dice_.percent(40)) return slow_down();
  if (std::exchange(is_delayed_, true)) return false;
  const int factor = static_cast<int>(dice_.between(std::size_t{2}, std::size_t{100}));
  const Duration length = draw_length();
  trace_.line("fault: messages take up to {} times longer, until {}", factor,
              in_seconds(world_.timeline().now() + length));
  set_latency(factor);
  agenda_.after(length, [this] {
    is_delayed_ = false;
    set_latency(1);
  });
  return true;
}

/// One direction only.
bool NetworkFaults::slow_down() {
  Pairs pairs = draw_pairs();
  if (pairs.empty()) return false;
  const bool is_inward = dice_.percent(50);
  const Duration extra = dice_.any_scale(1ms, lease_);
  const Duration length = draw_length();
  trace_.line("fault: messages {} the first of{} take {} s longer, until {}", is_inward ? "to" : "from",
              to_string(pairs), in_seconds(Instant{extra}), in_seconds(world_.timeline().now() + length));
  Cluster& cluster = world_.cluster();
  for (const auto& [a, b] : pairs) {
    const auto [from, to] = is_inward ? std::pair(b, a) : std::pair(a, b);
    cluster.network().slow_one_way(cluster.address(from), cluster.address(to), extra);
  }
  agenda_.after(length, [this, pairs] { heal(pairs); });
  return true;
}

NetworkFaults::Pairs NetworkFaults::draw_pairs() {
  const std::vector<std::size_t> running = world_.running();
  Pairs pairs;
  if (running.size() < 2) return pairs;
  const auto leader = world_.leader();
  const std::size_t one = leader && dice_.percent(kLeadersPairPercent) ? *leader : dice_.pick(running);
  switch (dice_.below(3)) {
    case 0:
      while (pairs.empty()) {
        const std::size_t other = dice_.pick(running);
        if (other != one) pairs.emplace_back(one, other);
      }
      break;
    case 1:
      for (const std::size_t other : running) {
        if (other != one) pairs.emplace_back(one, other);
      }
      break;
    default: {
      std::vector<std::size_t> here{one};
      std::vector<std::size_t> there;
      for (const std::size_t other : running) {
        if (other != one) (dice_.percent(50) ? here : there).push_back(other);
      }
      for (const std::size_t a : here) {
        for (const std::size_t b : there)
          pairs.emplace_back(a, b);
      }
    }
  }
  return pairs;
}

bool NetworkFaults::lose_connections() {
  const Pairs pairs = draw_pairs();
  if (pairs.empty()) return false;
  trace_.line("fault: connections break between{}", to_string(pairs));
  for (const auto& [a, b] : pairs)
    world_.cluster().network().break_connections(world_.cluster().address(a), world_.cluster().address(b));
  return true;
}

bool NetworkFaults::cut(bool one_way) {
  Pairs pairs = draw_pairs();
  if (pairs.empty()) return false;
  if (one_way && dice_.percent(50)) {
    for (auto& [a, b] : pairs)
      std::swap(a, b);
  }
  const Duration length = draw_length();
  trace_.line("fault: nothing gets {} {}, until {}", one_way ? "from the first to the second of" : "through between",
              to_string(pairs), in_seconds(world_.timeline().now() + length));
  Cluster& cluster = world_.cluster();
  for (const auto& [a, b] : pairs) {
    if (one_way) {
      cluster.network().cut_one_way(cluster.address(a), cluster.address(b));
    } else {
      cluster.network().cut(cluster.address(a), cluster.address(b));
    }
  }
  agenda_.after(length, [this, pairs] { heal(pairs); });
  return true;
}

bool NetworkFaults::cut_off_joiner() {
  const ClusterMapPtr map = world_.newest_map();
  const auto leader = world_.leader();
  std::vector<std::size_t> joiners = world_.all(Standing::joining);
  std::erase_if(joiners, [&](std::size_t place) {
    const NodeRecord* record = map ? map->find(world_.cluster().node(place).id()) : nullptr;
    return record == nullptr || record->state != NodeState::joining;
  });
  if (joiners.empty() || !leader) return false;
  const Pairs pair{{dice_.pick(joiners), *leader}};
  const Duration until_then = dice_.between(Duration{0}, options_.latency_max * 8);
  const Duration length = join_step_ + dice_.between(Duration{0}, join_step_);
  trace_.line("fault: nothing gets through between a joiner and its leader, {}, from {} to {}", to_string(pair),
              in_seconds(world_.timeline().now() + until_then),
              in_seconds(world_.timeline().now() + until_then + length));
  agenda_.after(until_then, [this, pair, length] {
    const auto& [a, b] = pair.front();
    world_.cluster().network().cut(world_.cluster().address(a), world_.cluster().address(b));
    agenda_.after(length, [this, pair] { heal(pair); });
  });
  return true;
}

void NetworkFaults::heal(const Pairs& pairs) {
  for (const auto& [a, b] : pairs)
    world_.cluster().network().heal(world_.cluster().address(a), world_.cluster().address(b));
}

void NetworkFaults::heal() {
  agenda_.clear();
  world_.cluster().network().heal();
  set_latency(1);
}

}  // namespace dht::testing::simulation
