#include "lease/node_lease.h"

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "base/assert.h"
#include "lease/rules.h"

namespace dht::lease {
namespace {

/// Of asks without an answer: older ones would grant nothing any more.
constexpr std::size_t kMostUnanswered = 32;

}  // namespace

wire::LeaseAsk NodeLease::ask(std::uint64_t number, Instant now) {
  DHT_ASSERT(number > last_granted_ && (asked_.empty() || number > asked_.rbegin()->first));
  asked_[number] = now;
  if (asked_.size() > kMostUnanswered) asked_.erase(asked_.begin());
  return {.number = number, .echo = last_granted_};
}

void NodeLease::on_grant(const wire::LeaseGrant& grant) {
  const auto asked = asked_.find(grant.number);
  if (asked == asked_.end()) return;
  const Instant end = end_at_holder(asked->second, std::chrono::milliseconds(grant.length_ms));
  if (grant.length_ms > 0) until_ = std::max(until_, end);
  last_granted_ = std::max(last_granted_, grant.number);
  asked_.erase(asked);
}

}  // namespace dht::lease
