// Random identities.
//
// Thread rule: as the scheduler's `random`: any thread.
#pragma once

#include <dht/scheduler.h>

namespace dht::base {

/// An id that nobody else has, by chance of 64 bits; never zero, which means "none".
template <typename IdType>
IdType random_id(Scheduler& scheduler) {
  for (;;) {
    if (const IdType id{scheduler.random()}) return id;
  }
}

}  // namespace dht::base
