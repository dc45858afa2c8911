// DeadlineWheel: what is to be ended when its deadline has passed. Adding and removing cost the same however many there
// are: nearly all is removed long before.
//
// Deadlines fall into lists by time, a whole turn of the wheel apart in the same one; each list is looked at when its
// time has come.
//
// Thread rule: none of its own; `OperationTable` guards it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <dht/scheduler.h>

#include "base/assert.h"

namespace dht::node {

class DeadlineWheel {
 public:
  /// In one list of the wheel, or in none.
  struct Link {
    Link* previous = nullptr;
    Link* next = nullptr;
    Instant deadline{};
  };

  DeadlineWheel() noexcept {
    for (Link& list : lists_)
      list.previous = list.next = &list;
  }
  DeadlineWheel(const DeadlineWheel&) = delete;
  DeadlineWheel& operator=(const DeadlineWheel&) = delete;

  /// `link.deadline` is set, and stays as it is while it is here.
  void add(Link& link) noexcept {
    const std::int64_t tick = tick_of(link.deadline);
    // What has been looked at already is looked at next time.
    if (tick < looked_at_) looked_at_ = tick;
    Link& list = list_of(tick);
    link.previous = list.previous;
    link.next = &list;
    list.previous->next = &link;
    list.previous = &link;
  }
  void remove(Link& link) noexcept {
    DHT_ASSERT(link.next != nullptr);
    link.previous->next = link.next;
    link.next->previous = link.previous;
    link.previous = link.next = nullptr;
  }

  /// Calls `expire(link)`, which removes it, for each whose deadline is not after `now`.
  template <typename Expire>
  void take_expired(Instant now, Expire expire) {
    const std::int64_t last = tick_of(now);
    const std::int64_t first = last - looked_at_ < kLists ? looked_at_ : last - kLists + 1;
    for (std::int64_t tick = first; tick <= last; ++tick) {
      Link& list = list_of(tick);
      for (Link* at = list.next; at != &list;) {
        Link& link = *at;
        at = at->next;
        if (link.deadline <= now) expire(link);
      }
    }
    looked_at_ = last;  // again: some of the same tick may be still to come
  }

 private:
  static constexpr std::int64_t kLists = 256;
  /// So that a turn of the wheel takes longer than most requests are given.
  static constexpr Duration kTick = std::chrono::milliseconds(32);

  static std::int64_t tick_of(Instant instant) noexcept { return instant.since_start / kTick; }
  Link& list_of(std::int64_t tick) noexcept { return lists_[static_cast<std::uint64_t>(tick) % kLists]; }

  std::array<Link, kLists> lists_;
  std::int64_t looked_at_ = 0;  ///< all before this tick has been
};

}  // namespace dht::node
