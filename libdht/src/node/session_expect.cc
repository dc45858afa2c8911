// What a session fetches into the caches when operations of its own clients, or frames of peers, are about to come.

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>

#include "base/fetch.h"
#include "node/session.h"

namespace dht::node {
namespace {

/// Of more at once the first ones would be gone from the nearest caches before they are used.
constexpr std::size_t kMostExpected = 32;

}  // namespace

void Session::expect(std::span<const std::string_view> keys) noexcept {
  std::array<wire::Subject, kMostExpected> subjects;
  const std::size_t count = std::min(keys.size(), subjects.size());
  for (std::size_t i = 0; i < count; ++i)
    subjects[i] = {partition_of(keys[i]), keys[i]};
  fetch_ahead(std::span(subjects).first(count));
}

void Session::expect_frames(std::span<const Frame> frames) noexcept {
  std::array<wire::Subject, kMostExpected> subjects;
  std::size_t count = 0;
  for (const Frame& frame : frames) {
    const auto subject = wire::peek_subject(frame.type, frame.payload);
    if (subject && subject->partition < partitions_ && count < subjects.size()) subjects[count++] = *subject;
  }
  fetch_ahead(std::span(subjects).first(count));
}

/// At most kMostExpected. The slots' locks are held through all steps, and none is waited for: so nobody waits for a
/// hint for long.
void Session::fetch_ahead(std::span<const wire::Subject> subjects) noexcept {
  struct Expected {
    PartitionId partition = 0;
    const replica::Replica* replica = nullptr;
    PartitionStorage::ExpectedKey key{};
  };
  std::array<Expected, kMostExpected> space;
  const auto all = std::span(space).first(subjects.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].partition = subjects[i].partition;
    all[i].key.key = subjects[i].key;
    base::fetch(&slot(all[i].partition), base::kCacheLine);
  }
  std::array<std::unique_lock<std::mutex>, kMostExpected> locks;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto before = all.first(i);
    const auto same =
        std::ranges::find_if(before, [&](const Expected& other) { return other.partition == all[i].partition; });
    if (same != before.end()) {
      all[i].replica = same->replica;
      continue;
    }
    const Slot& slot = this->slot(all[i].partition);
    locks[i] = std::unique_lock(slot.mutex, std::try_to_lock);
    if (locks[i]) all[i].replica = slot.replica.get();
  }
  for (unsigned step = 0; step < replica::Replica::kExpectSteps; ++step) {
    for (Expected& expected : all) {
      if (expected.replica != nullptr) expected.replica->expect(expected.key, step);
    }
  }
}

}  // namespace dht::node
