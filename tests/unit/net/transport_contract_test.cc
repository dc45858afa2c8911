#include "transport_contract.h"

#include <dht/testing/memory_network.h>
#include <dht/testing/timeline.h>

#include "tcp_world.h"

namespace dht::testing {
namespace {

class MemoryWorld final : public TransportWorld {
 public:
  Made make_transport() override {
    const Address address = unused_address();
    return {network_.make_transport(address), address};
  }
  Address unused_address() override { return {"memory", ++last_port_}; }
  bool run_until(Function<bool()> done) override { return timeline_.run_until(std::move(done)); }

 private:
  Timeline timeline_;
  MemoryNetwork network_{timeline_, 1, {.max_queued_bytes = kMaxQueueBytes}};
  std::uint16_t last_port_ = 0;
};

TEST_CASE("TCP keeps the transport contract") {
  TcpWorld world;
  check_transport_contract(world);
}

TEST_CASE("the in-memory network keeps the transport contract") {
  MemoryWorld world;
  check_transport_contract(world);
}

}  // namespace
}  // namespace dht::testing
