#include <utility>

#include <dht/testing/memory_network.h>

#include "memory_switch.h"
#include "memory_transport.h"

namespace dht::testing {

MemoryNetwork::MemoryNetwork(Timeline& timeline, std::uint64_t seed, MemoryNetworkOptions options)
    : switch_(std::make_unique<MemorySwitch>(timeline, seed, options)) {}

MemoryNetwork::~MemoryNetwork() = default;

std::unique_ptr<Transport> MemoryNetwork::make_transport(Address address) {
  return std::make_unique<MemoryTransport>(*switch_, std::move(address));
}

void MemoryNetwork::crash(const Address& address, Crash kind) { switch_->crash(address, kind); }

void MemoryNetwork::pause(const Address& address) { switch_->pause(address); }
void MemoryNetwork::resume(const Address& address) { switch_->resume(address); }

void MemoryNetwork::cut(const Address& a, const Address& b) {
  switch_->cut_one_way(a, b);
  switch_->cut_one_way(b, a);
}

void MemoryNetwork::cut_one_way(const Address& from, const Address& to) { switch_->cut_one_way(from, to); }
void MemoryNetwork::slow_one_way(const Address& from, const Address& to, Duration extra) {
  switch_->slow_one_way(from, to, extra);
}
void MemoryNetwork::heal(const Address& a, const Address& b) { switch_->heal(a, b); }
void MemoryNetwork::heal() { switch_->heal(); }
void MemoryNetwork::break_connections(const Address& a, const Address& b) { switch_->break_connections(a, b); }
void MemoryNetwork::set_latency(Duration min, Duration max) { switch_->set_latency(min, max); }
void MemoryNetwork::set_filter(FrameFilter filter) { switch_->set_filter(std::move(filter)); }

}  // namespace dht::testing
