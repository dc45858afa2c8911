// Traffic: what nodes say to each other about membership, counted in the simulated network frame by frame, of the whole
// cluster and of its leader alone. Payloads are counted, without what a frame or TCP adds.
//
// Thread rule: one thread only, the one that runs the timeline.
#pragma once

#include <cstdint>

#include <dht/testing/memory_network.h>

namespace dht::growth {

struct Count {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;

  void add(std::uint64_t size) {
    ++messages;
    bytes += size;
  }
};

struct Traffic {
  Count all{};           ///< of the control lane
  Count leader{};        ///< of those, from or to the leader
  Count heartbeats{};    ///< calls
  Count answers{};       ///< to heartbeats
  Count member_lists{};  ///< in those answers: records of members, and their bytes
  Count maps{};          ///< whole maps on their way, to members and voters
};

/// Counts into `traffic` until another filter is set.
void count_traffic(testing::MemoryNetwork& network, const Address& leader, Traffic& traffic);

}  // namespace dht::growth
