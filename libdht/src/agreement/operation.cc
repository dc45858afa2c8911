#include "agreement/operation.h"

#include <algorithm>
#include <utility>

namespace dht::agreement {

Operation::Operation(bool election, Round::Change change, Handler handler)
    : election_(election), change_(std::move(change)), handler_(std::move(handler)) {}

void Operation::on_proposed(const ClusterMapPtr& map) {
  if (proposed_.empty() || proposed_.back() != map) proposed_.push_back(map);
}

bool Operation::has_succeeded(const ClusterMap& newest) const {
  return std::any_of(proposed_.begin(), proposed_.end(), [&](const ClusterMapPtr& map) { return *map == newest; });
}

Outcome Operation::settled(const ClusterMapPtr& newest) const {
  if (has_succeeded(*newest)) return {.newest = newest, .confirmed_ms_ago = 0};
  if (is_read()) return {.newest = newest};
  return {.error = may_be_chosen_before_or_after(*newest) ? Errc::outcome_unknown : Errc::conflict, .newest = newest};
}

Outcome Operation::given_up(const ClusterMapPtr& known, Errc reason) const {
  if (has_succeeded(*known)) return {.newest = known, .confirmed_ms_ago = 0};
  return {.error = may_be_chosen_before_or_after(*known) ? Errc::outcome_unknown : reason};
}

/// A proposed map may have been chosen on the way to a newer one, and one that voters have accepted may be chosen yet.
/// Only where another map was chosen in its place it cannot be.
bool Operation::may_be_chosen_before_or_after(const ClusterMap& newest) const {
  return std::any_of(proposed_.begin(), proposed_.end(),
                     [&](const ClusterMapPtr& map) { return map->revision != newest.revision; });
}

}  // namespace dht::agreement
