#include "replica/merge.h"

#include <algorithm>

#include "base/assert.h"
#include "base/hybrid_clock.h"

namespace dht::replica {

bool takes_effect(const wire::Change& change, const std::optional<ExistingEntry>& existing, ClusterId from) noexcept {
  if (change.kind == StorageChange::Kind::erase) return existing && existing->version == change.version;
  if (!existing || existing->version < change.version) return true;
  return from && existing->copy_of == from;
}

namespace {

bool is_sound_change(const StorageChange& change) noexcept {
  const bool versioned = change.kind == StorageChange::Kind::erase || change.version != 0;
  return !change.key.empty() && versioned && change.version < base::HybridClock::kLimit;
}

}  // namespace

bool is_sound(const std::vector<wire::Change>& changes) noexcept {
  return std::all_of(changes.begin(), changes.end(),
                     [](const wire::Change& change) { return is_sound_change(view_of(change)); });
}

bool is_sound(const wire::Changes& changes) noexcept {
  for (const StorageChange& change : changes) {
    if (!is_sound_change(change)) return false;
  }
  return true;
}

std::optional<std::string_view> MergeDecision::next_key() {
  while (next_ < batch_.changes.size()) {
    const std::string_view key = batch_.changes[next_].key;
    const auto seen = seen_.find(key);
    if (seen == seen_.end()) return key;
    decide_next(seen->second);
  }
  return std::nullopt;
}

void MergeDecision::decide(const std::optional<StoredEntry>& stored) {
  std::optional<ExistingEntry> existing;
  if (stored) existing = {stored->version, stored->copy_of};
  decide_next(existing);
}

void MergeDecision::decide_next(const std::optional<ExistingEntry>& existing) {
  DHT_ASSERT(next_ < batch_.changes.size());
  const wire::Change& change = batch_.changes[next_];
  std::optional<ExistingEntry> after = existing;
  if (takes_effect(change, existing, batch_.from)) {
    effective_.push_back(next_);
    after.reset();
    if (change.kind == StorageChange::Kind::put) after = {change.version, change.copy_of};
  }
  seen_[change.key] = after;
  ++next_;
}

std::vector<StorageChange> MergeDecision::effective() const {
  std::vector<StorageChange> changes;
  changes.reserve(effective_.size());
  for (const std::size_t index : effective_)
    changes.push_back(view_of(batch_.changes[index]));
  return changes;
}

}  // namespace dht::replica
