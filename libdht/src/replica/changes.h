// Between changes that own their bytes (as they travel) and changes that view them (as storage takes them).
//
// Thread rule: pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <dht/storage.h>

#include "wire/replication.h"

namespace dht::replica {

inline StorageChange view_of(const wire::Change& change) noexcept {
  return {change.kind, change.key, change.value, change.version, change.copy_of};
}

inline std::vector<StorageChange> views_of(const std::vector<wire::Change>& changes) {
  std::vector<StorageChange> views;
  views.reserve(changes.size());
  for (const wire::Change& change : changes)
    views.push_back(view_of(change));
  return views;
}

inline std::vector<wire::Change> owned(std::span<const StorageChange> changes) {
  std::vector<wire::Change> copies;
  copies.reserve(changes.size());
  for (const StorageChange& change : changes)
    copies.push_back({change.kind, std::string(change.key), std::string(change.value), change.version, change.copy_of});
  return copies;
}

}  // namespace dht::replica
