// MemoryPartition against a std::map: random changes, with growth, shrinking and scans going on.
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "storage/memory_partition.h"
#include "storage_helpers.h"

namespace dht::testing {
namespace {

using storage::KeyHash;
using storage::MemoryPartition;
using storage::SeededKeyHash;

/// A scan that goes on while the partition changes, and what it must and may see.
class WatchedScan {
 public:
  explicit WatchedScan(const Model& model) {
    for (const auto& [key, entry] : model)
      unseen_.insert(key);
  }

  void on_change(const StorageChange& change) {
    // From now on the key was not there all the time.
    if (change.kind == StorageChange::Kind::erase) unseen_.erase(std::string(change.key));
  }

  /// Reads one chunk. True where the scan is complete.
  bool step(PartitionStorage& partition, const Model& model, std::size_t max_bytes) {
    ScanChunk chunk = scan(partition, at_, max_bytes);
    REQUIRE((!chunk.entries.empty() || chunk.next == kScanEnd));
    for (const ScannedEntry& entry : chunk.entries) {
      REQUIRE(model.at(entry.key) == entry.entry);
      unseen_.erase(entry.key);
      REQUIRE(seen_.insert(entry.key).second);
    }
    at_ = chunk.next;
    if (at_ == kScanEnd) CHECK(unseen_.empty());
    return at_ == kScanEnd;
  }

 private:
  std::set<std::string> unseen_;
  std::set<std::string> seen_;
  ScanCursor at_ = 0;
};

class Walk {
 public:
  Walk(const KeyHash& hash, std::uint64_t seed, std::uint64_t keys) : random_(seed), keys_(keys), partition_(hash) {}

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      // Grow for a while, then shrink for a while, so that leaves split and merge.
      if (step % 1200 == 0) put_percent_ = step % 2400 == 0 ? 85 : 12;
      change(random_() % 8 == 0 ? random_() % 12 : 1);
      check_key();
      if (random_() % 16 == 0) scan_on();
      if (step % 1199 == 0) check_all();
    }
    check_all();
    while (!model_.empty()) {
      const StorageChange last = erase_of(model_.begin()->first);
      REQUIRE_FALSE(apply_to(partition_, {&last, 1}));
      model_.erase(model_.begin());
    }
    check_all();
  }

 private:
  std::string some_key() { return key_number(random_() % keys_); }

  void change(std::size_t count) {
    std::vector<std::string> bytes;
    bytes.reserve(2 * count);
    std::vector<StorageChange> changes;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string& key = bytes.emplace_back(some_key());
      if (random_() % 100 < put_percent_) {
        const std::size_t size = random_() % 256 == 0 ? 60'000 + random_() % 10'000 : random_() % 40;
        const std::string& value = bytes.emplace_back(size, static_cast<char>(random_()));
        changes.push_back(put_of(key, value, 1 + random_() % 1000, ClusterId{random_() % 4 == 0 ? 99U : 0U}));
      } else {
        changes.push_back(erase_of(key));
      }
    }
    REQUIRE_FALSE(apply_to(partition_, changes));
    for (const StorageChange& made : changes) {
      apply_to(model_, made);
      if (scan_) scan_->on_change(made);
    }
  }

  void check_key() {
    const std::string key = some_key();
    const auto found = model_.find(key);
    PartitionStorage::ExpectedKey expected{.key = key};
    for (unsigned step = 0; step < PartitionStorage::kExpectSteps; ++step)
      partition_.expect(expected, step);  // a hint, whatever the key: nothing may come of it
    const std::optional<StoredEntry> read = get(partition_, key);
    REQUIRE(read.has_value() == (found != model_.end()));
    if (read) REQUIRE(*read == found->second);
    const std::optional<StoredEntry> stamp = partition_.get_version(key, nullptr)->entry;
    REQUIRE(stamp.has_value() == read.has_value());
    if (stamp) REQUIRE((stamp->version == read->version && stamp->copy_of == read->copy_of));
  }

  void scan_on() {
    if (!scan_) scan_ = std::make_unique<WatchedScan>(model_);
    if (scan_->step(partition_, model_, random_() % 1500)) scan_.reset();
  }

  void check_all() {
    REQUIRE(contents(partition_) == model_);
    REQUIRE(partition_.statistics() == statistics_of(model_));
  }

  std::mt19937_64 random_;
  std::uint64_t keys_;
  std::uint64_t put_percent_ = 0;
  MemoryPartition partition_;
  Model model_;
  std::unique_ptr<WatchedScan> scan_;
};

TEST_CASE("a partition does what a map does, and a scan sees each lasting entry exactly once") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    const SeededKeyHash hash(seed);
    Walk(hash, seed, 3000).run(6000);
  }
}

TEST_CASE("a partition does what a map does where positions collide") {
  // A few positions over the whole space; many close together; all the same.
  for (const std::uint64_t mask : {std::uint64_t{0xf000'0000'0000'00f0}, std::uint64_t{0xffe}, std::uint64_t{0}}) {
    CAPTURE(mask);
    const MaskedHash hash(mask);
    Walk(hash, mask + 1, 600).run(2500);
  }
}

TEST_CASE("a cursor stays good while the partition grows a hundredfold and shrinks again") {
  const SeededKeyHash hash(1);
  MemoryPartition partition(hash);
  Model model;
  for (std::uint64_t i = 0; i < 300; ++i) {
    put(partition, spelled(i), "stays", i + 1);
    model[spelled(i)] = {Value(std::string_view("stays")), i + 1, {}};
  }
  Model seen;
  ScanCursor at = 0;
  const auto read_some = [&](int chunks) {
    for (; chunks > 0 && at != kScanEnd; --chunks) {
      ScanChunk chunk = scan(partition, at, 1);
      for (ScannedEntry& entry : chunk.entries) {
        if (model.contains(entry.key)) REQUIRE(seen.emplace(entry.key, entry.entry).second);
      }
      at = chunk.next;
    }
  };
  read_some(100);
  CHECK(seen.size() == 100);
  for (std::uint64_t i = 300; i < 30'000; ++i)
    put(partition, spelled(i), "comes and goes");
  read_some(5000);
  CHECK(seen.size() > 100);
  CHECK(seen.size() < 300);
  for (std::uint64_t i = 300; i < 30'000; ++i)
    erase(partition, spelled(i));
  read_some(300);
  CHECK(at == kScanEnd);
  CHECK(seen == model);
}

}  // namespace
}  // namespace dht::testing
