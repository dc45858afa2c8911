// What tests ask of a MemorySwitch.
#include <utility>
#include <vector>

#include <dht/error.h>

#include "base/assert.h"
#include "memory_switch.h"
#include "memory_transport.h"

namespace dht::testing {

void MemorySwitch::set_latency(Duration min, Duration max) {
  DHT_ASSERT(Duration::zero() <= min && min <= max);
  options_.latency_min = min;
  options_.latency_max = max;
}

Duration MemorySwitch::latency() {
  const auto range = static_cast<std::uint64_t>((options_.latency_max - options_.latency_min).count());
  return options_.latency_min + Duration{static_cast<Duration::rep>(scheduler_.random() % (range + 1))};
}

Duration MemorySwitch::extra_latency(const Address& from, const Address& to) const {
  if (slow_.empty()) return Duration::zero();
  const auto slow = slow_.find({from, to});
  return slow == slow_.end() ? Duration::zero() : slow->second;
}

bool MemorySwitch::is_blocked(const Address& from, const Address& to) const {
  return (!silent_.empty() && silent_.contains(to)) || (!cuts_.empty() && cuts_.contains({from, to}));
}

void MemorySwitch::crash(const Address& address, MemoryNetwork::Crash kind) {
  const auto listener = listeners_.find(address);
  if (listener == listeners_.end()) return;
  MemoryTransport& transport = *listener->second;
  listeners_.erase(listener);
  transport.end();
  if (kind == MemoryNetwork::Crash::machine) silent_.insert(address);
  for_each_end_of(transport, [&](Connection& connection, Side side) {
    detach(connection, side);
    arm(connection, side);  // what had arrived, and waited for it to go on after a pause, reaches nobody any more
    const bool unheard_of = connection.phase == Connection::Phase::opening && side == Side::opener;
    if (kind == MemoryNetwork::Crash::process || unheard_of) break_up(connection, Errc::outcome_unknown);
  });
}

void MemorySwitch::set_filter(FrameFilter filter) {
  filter_ = std::move(filter);
  ++filters_set_;
}

void MemorySwitch::heal(const Address& a, const Address& b) {
  cuts_.erase({a, b});
  cuts_.erase({b, a});
  slow_.erase({a, b});
  slow_.erase({b, a});
  retry_stalled();
}

void MemorySwitch::heal() {
  cuts_.clear();
  slow_.clear();
  retry_stalled();
}

void MemorySwitch::break_connections(const Address& a, const Address& b) {
  std::vector<LinkId> between;
  for (auto& [id, connection] : connections_) {
    const Address& from = connection.at(Side::opener).address;
    const Address& to = connection.at(Side::acceptor).address;
    if ((from == a && to == b) || (from == b && to == a)) between.push_back(id);
  }
  for (const LinkId id : between)
    break_up(connections_.at(id), Errc::outcome_unknown);
}

}  // namespace dht::testing
