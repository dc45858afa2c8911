#include "disk_partition.h"

#include <dht/entry.h>
#include <dht/error.h>

#include "base/assert.h"

namespace dht::testing {

/// FNV-1a, begun with the cluster: the same on every disk. Never `kScanEnd`.
SimulatedDisk::Partition::Place SimulatedDisk::Partition::place_of(std::string_view key) const {
  std::uint64_t hash = 0xcbf29ce484222325U ^ cluster_.value;
  for (const char byte : key)
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  return {hash >> 1, std::string(key)};
}

std::optional<StoredEntry> SimulatedDisk::Partition::get(std::string_view key) const {
  const auto found = entries_.find(place_of(key));
  return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

void SimulatedDisk::Partition::put(const Place& place, std::optional<StoredEntry> entry) {
  const auto bytes = [&](const StoredEntry& of) { return place.second.size() + of.value.view().size(); };
  if (const auto found = entries_.find(place); found != entries_.end()) {
    --statistics_.entries;
    statistics_.bytes -= bytes(found->second);
    entries_.erase(found);
  }
  if (!entry) return;
  ++statistics_.entries;
  statistics_.bytes += bytes(*entry);
  entries_.emplace(place, std::move(*entry));
}

StorageWritten SimulatedDisk::Partition::apply(std::span<const StorageChange> changes, std::string_view state) {
  for (const StorageChange& change : changes) {
    if (change.key.size() > kMaxKeyBytes) return {Errc::too_large};
    if (change.kind == StorageChange::Kind::put && change.version == 0) return {Errc::invalid_argument};
  }
  Undo undo{.state = std::exchange(state_, std::string(state))};
  for (const StorageChange& change : changes) {
    const Place place = place_of(change.key);
    undo.entries.emplace_back(place, get(change.key));
    put(place, change.kind == StorageChange::Kind::put
                   ? std::optional(StoredEntry{Value(change.value), change.version, change.copy_of})
                   : std::nullopt);
  }
  ++position_;
  undos_.push_back(std::move(undo));
  return {};
}

StorageWritten SimulatedDisk::Partition::drop() {
  undos_.push_back({.all = std::exchange(entries_, {}), .state = std::exchange(state_, {})});
  statistics_ = {};
  ++position_;
  return {};
}

ScanChunk SimulatedDisk::Partition::scan(ScanCursor from, std::size_t max_bytes) const {
  ScanChunk chunk;
  std::size_t bytes = 0;
  for (auto at = entries_.lower_bound({from, {}}); at != entries_.end(); ++at) {
    const auto& [place, entry] = *at;
    const bool is_another = chunk.entries.empty() || place.first >= chunk.next;
    if (is_another && bytes >= max_bytes && !chunk.entries.empty()) return chunk;
    chunk.entries.push_back({place.second, entry, place.first});
    bytes += place.second.size() + entry.value.view().size();
    chunk.next = place.first + 1;
  }
  chunk.next = kScanEnd;
  return chunk;
}

SimulatedDisk::Entries SimulatedDisk::Partition::by_key() const {
  SimulatedDisk::Entries all;
  for (const auto& [place, entry] : entries_)
    all.emplace(place.second, entry);
  return all;
}

void SimulatedDisk::Partition::sync(std::uint64_t position) {
  while (!undos_.empty() && position_ - undos_.size() < position)
    undos_.pop_front();
}

void SimulatedDisk::Partition::undo(std::uint64_t count) {
  for (; count > 0; --count) {
    DHT_ASSERT(!undos_.empty());
    Undo& last = undos_.back();
    state_ = std::move(last.state);
    if (last.all) {
      for (auto& [place, entry] : *last.all)
        put(place, std::move(entry));
    }
    for (; !last.entries.empty(); last.entries.pop_back())
      put(last.entries.back().first, std::move(last.entries.back().second));
    undos_.pop_back();
    --position_;
  }
}

}  // namespace dht::testing
