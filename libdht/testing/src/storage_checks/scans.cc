// Checks of scans.
#include <algorithm>

#include "desk.h"

namespace dht::testing::checks {
namespace {

/// Entries number `first` to `last`, in batches.
void fill(Desk& desk, PartitionStorage& partition, std::uint64_t first, std::uint64_t last, Model* model = nullptr) {
  while (first < last) {
    std::vector<std::string> keys;
    std::vector<StorageChange> changes;
    const std::uint64_t end = std::min(last, first + 100);
    for (std::uint64_t i = first; i < end; ++i)
      keys.push_back(numbered_key(i));
    for (std::uint64_t i = first; i < end; ++i)
      changes.push_back(put_change(keys[i - first], "12345678", i + 1));
    desk.apply(partition, changes);
    if (model != nullptr) apply_to_model(*model, changes);
    first = end;
  }
}

void erase_numbers(Desk& desk, PartitionStorage& partition, std::uint64_t first, std::uint64_t last) {
  for (; first < last; ++first)
    desk.erase(partition, numbered_key(first));
}

void scan_gives_all(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  Model model;
  fill(desk, partition, 0, 1000, &model);
  for (const std::size_t max_bytes : {std::size_t{300}, std::size_t{5000}, std::size_t{10'000'000}})
    require(desk.contents(partition, max_bytes) == model, "a scan does not give all entries");
}

void chunk_keeps_its_size(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  fill(desk, partition, 0, 500);
  require(desk.scan(partition, 0, 1'000'000).entries.size() == 500, "a chunk with room for all is not of all");
  require(desk.scan(partition, 0, 1'000'000).next == kScanEnd, "a chunk of all does not say that it is the last");
  for (ScanCursor at = 0; at != kScanEnd;) {
    const ScanChunk chunk = desk.scan(partition, at, 1000);
    std::size_t bytes = 0;
    for (const ScannedEntry& scanned : chunk.entries)
      bytes += scanned.key.size() + scanned.entry.value.size();
    require(bytes < 3000, "a chunk is much larger than it was to be");
    at = chunk.next;
  }
}

void chunk_has_an_entry(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  Model model;
  fill(desk, partition, 0, 60, &model);
  Model seen;
  for (ScanCursor at = 0; at != kScanEnd;) {
    ScanChunk chunk = desk.scan(partition, at, 0);
    require(!chunk.entries.empty() || chunk.next == kScanEnd, "a chunk has no entry, though some are left");
    at = chunk.next;
    for (ScannedEntry& scanned : chunk.entries)
      seen[scanned.key] = scanned.entry;
  }
  require(seen == model, "a scan in chunks of one entry does not give all");
}

void empty_partition_ends_scan(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  const ScanChunk chunk = desk.scan(partition, 0, 1000);
  require(chunk.entries.empty() && chunk.next == kScanEnd, "a scan of nothing gives something");
  fill(desk, partition, 0, 10);
  require(desk.scan(partition, kScanEnd, 1000).entries.empty(), "a scan from the end gives entries");
}

/// Scans while entries come and go; entries 0 to 600 are there all the time.
void scan_under_changes(Desk& desk, bool grows) {
  PartitionStorage& partition = desk.partition();
  Model steady;
  fill(desk, partition, 0, 600, &steady);
  if (!grows) fill(desk, partition, 10'000, 14'000);
  std::uint64_t step = 0;
  Model seen;
  for (ScanCursor at = 0; at != kScanEnd; ++step) {
    ScanChunk chunk = desk.scan(partition, at, 1500);
    at = chunk.next;
    for (ScannedEntry& scanned : chunk.entries)
      seen[scanned.key] = scanned.entry;
    if (step >= 80) continue;
    if (grows) {
      fill(desk, partition, 10'000 + step * 50, 10'000 + step * 50 + 50);
    } else {
      erase_numbers(desk, partition, 10'000 + step * 50, 10'000 + step * 50 + 50);
    }
  }
  for (const auto& [key, entry] : steady) {
    const auto found = seen.find(key);
    require(found != seen.end(), "a scan has left out an entry that was there all the time");
    require(found->second == entry, "a scan gave another version than there was");
  }
}

void scan_while_it_grows(Desk& desk) { scan_under_changes(desk, true); }
void scan_while_it_shrinks(Desk& desk) { scan_under_changes(desk, false); }

void scan_while_entries_change(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  Model model;
  fill(desk, partition, 0, 300, &model);
  std::map<std::string, Version> seen;
  std::mt19937_64 random(5);
  for (ScanCursor at = 0; at != kScanEnd;) {
    // The changes are under way with the chunk.
    const auto scanned = start_scan(partition, at, 1000);
    const std::string key = numbered_key(random() % 300);
    const StorageChange change = put_change(key, "changed", 1000);
    const auto written = start_apply(partition, {&change, 1});
    const StorageScanned chunk = desk.wait(scanned);
    require(!chunk.error && !desk.wait(written).error, "a scan or an apply has failed");
    at = chunk.chunk.next;
    for (const ScannedEntry& entry : chunk.chunk.entries) {
      require(entry.entry.version == 1000 || entry.entry.version == model.at(entry.key).version,
              "a scan gave a version that never was");
      seen[entry.key] = entry.entry.version;
    }
  }
  require(seen.size() == 300, "a scan has left out an entry that was changed meanwhile");
}

void kept_cursors_stay_good(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  Model model;
  fill(desk, partition, 0, 500, &model);
  std::vector<ScanCursor> cursors;
  std::vector<Model> rests;  // what comes from each cursor on
  for (ScanCursor at = 0; at != kScanEnd;) {
    cursors.push_back(at);
    rests.emplace_back();
    const ScanChunk chunk = desk.scan(partition, at, 2000);
    for (Model& rest : rests) {
      for (const ScannedEntry& scanned : chunk.entries)
        rest[scanned.key] = scanned.entry;
    }
    at = chunk.next;
  }
  fill(desk, partition, 20'000, 23'000);
  erase_numbers(desk, partition, 20'000, 23'000);
  for (std::size_t i = 0; i < cursors.size(); ++i) {
    Model rest;
    for (ScanCursor at = cursors[i]; at != kScanEnd;) {
      const ScanChunk chunk = desk.scan(partition, at, 2000);
      for (const ScannedEntry& scanned : chunk.entries)
        rest[scanned.key] = scanned.entry;
      at = chunk.next;
    }
    for (const auto& [key, entry] : rests[i])
      require(rest.contains(key), "from an old cursor an entry is missing that is still there");
  }
}

void equal_orders_are_equal(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  if (partition.scan_order() == 0) return;
  const auto order = [&desk](PartitionStorage& of, ScanCursor from) {
    std::vector<std::string> keys;
    for (ScanCursor at = from; at != kScanEnd;) {
      ScanChunk chunk = desk.scan(of, at, 500);
      for (ScannedEntry& scanned : chunk.entries) {
        require(at <= scanned.at && scanned.at < chunk.next, "an entry's place is not in the chunk that gave it");
        keys.push_back(std::move(scanned.key));
      }
      at = chunk.next;
    }
    return keys;
  };
  fill(desk, partition, 0, 300);
  const std::vector<std::string> first = order(partition, 0);
  const ScanCursor cursor = desk.scan(partition, 0, 5000).next;
  const std::vector<std::string> rest = order(partition, cursor);
  desk.drop(partition);
  for (std::uint64_t i = 300; i-- > 0;)
    fill(desk, partition, i, i + 1);
  require(order(partition, 0) == first, "the order of a scan hangs on that of the writes");
  require(order(partition, cursor) == rest, "a cursor means something else in another partition of that order");
  const std::uint64_t name = partition.scan_order();
  desk.reopen();
  PartitionStorage& again = desk.partition();
  require(again.scan_order() == name, "the name of the order has changed");
  desk.drop(again);
  fill(desk, again, 0, 300);
  require(order(again, cursor) == rest, "a cursor means something else in another storage of that order");
}

}  // namespace

std::span<const StorageCheck> scan_checks() {
  using enum StorageCheck::Needs;
  static constexpr StorageCheck kChecks[] = {
      {"a scan gives all entries, whatever the size of its chunks", nothing, run_body<scan_gives_all>},
      {"a chunk of a scan ends soon after max_bytes", nothing, run_body<chunk_keeps_its_size>},
      {"a chunk of a scan has at least one entry where one is left", nothing, run_body<chunk_has_an_entry>},
      {"a scan of nothing, or from the end, gives nothing", nothing, run_body<empty_partition_ends_scan>},
      {"a scan gives what stays while entries are added", nothing, run_body<scan_while_it_grows>},
      {"a scan gives what stays while entries are erased", nothing, run_body<scan_while_it_shrinks>},
      {"a scan gives every entry while some are changed", nothing, run_body<scan_while_entries_change>},
      {"a cursor stays good while the partition grows and shrinks", nothing, run_body<kept_cursors_stay_good>},
      {"scans of one named order are equal, and so are their cursors", nothing, run_body<equal_orders_are_equal>},
  };
  return kChecks;
}

}  // namespace dht::testing::checks
