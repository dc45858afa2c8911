// ServiceState: how far this process is on its way out. It only ever moves forward.
//
// Thread rule: set by the main thread, read by all.
#pragma once

#include <atomic>
#include <cstdint>

namespace dhtd {

enum class ServiceState : std::uint8_t {
  serving,
  leaving,  ///< told to stop: the data moves to the other members, requests are still served
  left,     ///< the data is elsewhere: nothing is served any more
};
using SharedServiceState = std::atomic<ServiceState>;

}  // namespace dhtd
