// The simulation as a whole: it does the same again, it does everything that it can do, and it sees what is wrong.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include <dht/testing/simulation.h>

#include "../../../seeds.h"

namespace {

using namespace dht;
using testing::Ending;
using testing::Fault;
using testing::FaultSet;
using testing::simulate;
using testing::SimulationReport;

std::string trace_of(std::uint64_t seed) {
  std::string trace;
  const SimulationReport report = simulate({.seed = seed, .trace = [&](std::string_view line) {
                                              trace += line;
                                              trace += '\n';
                                            }});
  return trace + report.reason + std::to_string(report.fingerprint);
}

TEST_CASE("one seed does the same again to the letter, and another something else") {
  std::string before;
  for (std::uint64_t seed = 1; seed <= 1 + testing::seeds(5); ++seed) {
    CAPTURE(seed);
    const std::string trace = trace_of(seed);
    CHECK(trace == trace_of(seed));
    CHECK(trace != std::exchange(before, trace));
  }
}

TEST_CASE("telling what happens changes nothing") {
  const SimulationReport silent = simulate({.seed = 3});
  const SimulationReport told = simulate({.seed = 3, .trace = [](std::string_view) {}});
  CHECK(silent.fingerprint == told.fingerprint);
  CHECK(silent.operations == told.operations);
}

TEST_CASE("without faults every run is clean, and its clients do work") {
  for (std::uint64_t seed = 1; seed <= testing::seeds(20); ++seed) {
    CAPTURE(seed);
    const SimulationReport report = simulate({.seed = seed, .faults = FaultSet{}});
    CHECK_MESSAGE(report.ending == Ending::clean, report.reason);
    CHECK(report.operations > 100);
    CHECK(report.undecided == 0);
  }
}

TEST_CASE("every fault is injected in some run, and none that was not asked for") {
  for (const auto& description : testing::fault_descriptions()) {
    CAPTURE(description.name);
    FaultSet faults;
    faults.insert(description.fault);
    // Nobody starts again or is given up who has not crashed.
    if (description.fault == Fault::restart || description.fault == Fault::forget) faults.insert(Fault::process_crash);
    // Without disks nobody would come back.
    if (description.fault == Fault::power_cut) faults.insert(Fault::disk);
    testing::FaultCounts counts;
    for (std::uint64_t seed = 1; seed <= 40 && counts[description.fault] == 0; ++seed)
      counts += simulate({.seed = seed, .faults = faults}).faults;
    for (const auto& other : testing::fault_descriptions()) {
      CAPTURE(other.name);
      if (other.fault == description.fault) CHECK(counts[other.fault] > 0);
      if (!faults.contains(other.fault)) CHECK(counts[other.fault] == 0);
    }
  }
}

/// A storage that decides about each change whether it takes part in it.
class SpoiltStorage final : public Storage {
 public:
  using Keeps = bool (*)(const StorageChange& change, std::uint64_t number);

  explicit SpoiltStorage(Keeps keeps) : memory_(make_memory_storage(1)), keeps_(keeps) {}

  std::unique_ptr<PartitionStorage> open(ClusterId cluster, PartitionId partition) override {
    return std::make_unique<Partition>(*this, memory_->open(cluster, partition));
  }

 private:
  class Partition final : public PartitionStorage {
   public:
    Partition(SpoiltStorage& owner, std::unique_ptr<PartitionStorage> entries)
        : owner_(owner), entries_(std::move(entries)) {}

    std::optional<StorageRead> get(std::string_view key, StorageReadHandler later) override {
      return entries_->get(key, std::move(later));
    }
    std::optional<StorageWritten> apply(std::span<const StorageChange> changes, std::string_view state,
                                        StorageWriteHandler later) override {
      if (!owner_.keeps_(changes.front(), ++owner_.changes_)) return StorageWritten{};
      return entries_->apply(changes, state, std::move(later));
    }
    std::optional<StorageScanned> scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler later) override {
      return entries_->scan(from, max_bytes, std::move(later));
    }
    std::optional<StorageWritten> drop(StorageWriteHandler later) override { return entries_->drop(std::move(later)); }
    StorageStatistics statistics() const override { return entries_->statistics(); }

   private:
    SpoiltStorage& owner_;
    std::unique_ptr<PartitionStorage> entries_;
  };

  std::unique_ptr<Storage> memory_;
  Keeps keeps_;
  std::uint64_t changes_ = 0;
};

SimulationReport simulate_with(std::uint64_t seed, SpoiltStorage::Keeps keeps) {
  return simulate({.seed = seed, .faults = FaultSet{}, .on_new_process = [keeps](const testing::NewProcess& process) {
                     auto storage = std::make_shared<SpoiltStorage>(keeps);
                     process.parts.storage = storage.get();
                     return storage;
                   }});
}

TEST_CASE("a storage that keeps everything is like any other") {
  const auto keeps_all = [](const StorageChange&, std::uint64_t) { return true; };
  CHECK(simulate_with(1, keeps_all).ending == Ending::clean);
}

TEST_CASE("an acknowledged write that is lost now and then is found, and the key's history told") {
  const auto loses_some = [](const StorageChange&, std::uint64_t number) { return number % 50 != 0; };
  SimulationReport report;
  // A client may come upon it, or write over it first.
  for (std::uint64_t seed = 1; seed <= 5 && report.ending == Ending::clean; ++seed)
    report = simulate_with(seed, loses_some);
  CHECK(report.ending == Ending::wrong_answer);
  CHECK(report.property == "linearizable");
  CHECK(report.detail.find(">>>") != std::string::npos);
}

TEST_CASE("an erasure that does nothing is found") {
  const auto never_erases = [](const StorageChange& change, std::uint64_t) {
    return change.kind != StorageChange::Kind::erase;
  };
  CHECK(simulate_with(1, never_erases).ending == Ending::wrong_answer);
}

}  // namespace
