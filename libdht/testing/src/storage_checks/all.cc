// The list of checks, and what a subject does by default.
#include <chrono>
#include <thread>
#include <vector>

#include <dht/testing/storage_checks.h>

#include "desk.h"

namespace dht::testing {

bool StorageSubject::run_until(const std::function<bool()>& condition) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point limit = Clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (Clock::now() > limit) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return true;
}

std::span<const StorageCheck> storage_checks() {
  static const std::vector<StorageCheck> all = [] {
    std::vector<StorageCheck> made;
    for (const std::span<const StorageCheck> part :
         {checks::entry_checks(), checks::scan_checks(), checks::partition_checks(), checks::call_checks(),
          checks::durable_checks(), checks::crash_checks()}) {
      made.insert(made.end(), part.begin(), part.end());
    }
    return made;
  }();
  return all;
}

bool applies(const StorageCheck& check, StorageSubject& subject, bool crashes) {
  switch (check.needs) {
    case StorageCheck::Needs::nothing:
      return true;
    case StorageCheck::Needs::durable:
      return subject.storage().is_durable();
    case StorageCheck::Needs::crashes:
      return subject.storage().is_durable() && crashes;
    case StorageCheck::Needs::threads:
      return subject.allows_threads();
  }
  return false;
}

}  // namespace dht::testing
